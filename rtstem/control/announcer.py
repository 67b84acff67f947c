"""Tells the engine and the surfaces of every new state, in order, whoever made the change."""

from __future__ import annotations

import logging
from collections.abc import Callable

from .desk_state import DeskState

_log = logging.getLogger(__name__)
Listener = Callable[[DeskState], None]


class Announcer:
    """Holds the state; the owner's lock is held around every call."""

    def __init__(self, state: DeskState, engine: Listener) -> None:
        """`engine` is told at once, and before the surfaces whenever what is heard has changed."""
        self.state = self._told = state
        self._engine = engine
        self._surfaces: list[Listener] = []
        self._busy = False
        engine(state)

    def add(self, surface: Listener) -> None:
        """Tell `surface` as well."""
        self._surfaces = [*self._surfaces, surface]

    def remove(self, surface: Listener) -> None:
        """Tell `surface` no longer."""
        self._surfaces = [s for s in self._surfaces if s is not surface]

    def become(self, state: DeskState) -> None:
        """Take the new state and tell it.

        A change made by a surface is told after the one it answers to has gone to all.
        """
        self.state = state
        if self._busy:
            return
        self._busy = True
        try:
            while self.state != self._told:
                self._tell(self._told, self.state)
        finally:
            self._busy = False

    def _tell(self, old: DeskState, new: DeskState) -> None:
        self._told = new
        if _heard(new) != _heard(old):
            self._engine(new)
        for surface in self._surfaces:
            try:
                surface(new)
            except Exception:  # a broken surface must not take the faders of the others with it
                _log.exception("a control surface failed")


def _heard(state: DeskState) -> tuple[object, ...]:
    return state.gains, state.master, state.filters, state.bus_gains, state.bus_levels
