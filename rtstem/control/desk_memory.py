"""What the desk remembers: the state before the last gesture, and a crossfade under way."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .desk_state import DeskState, Values, frozen

GESTURE_SECONDS = 0.5
SNAPSHOTS = 8


@dataclass(frozen=True)
class Fade:
    """A crossfade of all positions from one state to another; what is moved by hand drops out."""

    start: DeskState
    end: DeskState
    began: float
    seconds: float
    without: frozenset[str] = frozenset()
    """Gestures whose controls a hand has taken over."""

    def let_go(self, gesture: str) -> Fade:
        """The same fade without the control of `gesture`."""
        return replace(self, without=self.without | {gesture})

    def done(self, now: float) -> bool:
        """True at the end."""
        return not now - self.began < self.seconds  # no length (NaN) has no middle either

    def at(self, now: float, state: DeskState) -> DeskState:
        """`state` with the positions of this fade at time `now`."""
        part = 1.0 if self.done(now) else max(0.0, (now - self.began) / self.seconds)
        a, b = self.start, self.end

        def blend(kind: str, first: Values, last: Values, hand: Values) -> Values:
            return frozen(
                {
                    name: hand[name]
                    if f"{kind} {name}" in self.without
                    else _between(first[name], last[name], part)
                    for name in last
                }
            )

        buses: Mapping[str, Values] = {
            bus: blend(f"bus {bus}", a.bus_faders[bus], b.bus_faders[bus], state.bus_faders[bus])
            for bus in b.bus_faders
        }
        master = state.master if "master" in self.without else _between(a.master, b.master, part)
        return replace(
            state,
            faders=blend("fader", a.faders, b.faders, state.faders),
            knobs=blend("filter", a.knobs, b.knobs, state.knobs),
            bus_faders=buses,
            bus_levels=blend("level", a.bus_levels, b.bus_levels, state.bus_levels),
            master=master,
        )


class Memory:
    """The state before the last gesture (moves of one control in quick succession), and a fade.

    The owner's lock is held around every call.
    """

    def __init__(self) -> None:
        self.fade: Fade | None = None
        self._before: DeskState | None = None
        self._in_fade = False  # whether the last gesture was made while a fade went on
        self._gesture, self._last = "", 0.0

    def note(self, state: DeskState, gesture: str) -> None:
        """`state` is about to be changed by `gesture`, such as `fader vocals`."""
        now = time.monotonic()
        if gesture != self._gesture or now - self._last > GESTURE_SECONDS:
            self._before, self._in_fade = state, self.fade is not None
        self._gesture, self._last = gesture, now

    def hand(self, gesture: str) -> None:
        """A hand is on the control: a fade leaves it alone from now on."""
        if self.fade is not None:
            self.fade = self.fade.let_go(gesture)

    def begin(self, fade: Fade) -> DeskState:
        """The first state of `fade`: its switches at once, its positions where they are."""
        self.fade = None if fade.done(fade.began) else fade
        return fade.at(fade.began, fade.end)

    def step(self, now: float, state: DeskState) -> DeskState:
        """`state` moved on by the fade, if there is one, to time `now`."""
        fade = self.fade
        if fade is None:
            return state
        if fade.done(now):
            self.fade = None
        if self._in_fade and self._before is not None:
            self._before = fade.at(now, self._before)  # undo takes back the hand, not the fade
        return fade.at(now, state)

    def back(self, state: DeskState) -> DeskState:
        """The state to go back to; a second call brings `state` again.

        A fade goes on where the last gesture was made in it; else it is what is taken back, and its
        end what a second call brings. A kill belongs to the finger that holds it, not to the past.
        """
        forth = state
        if self.fade is not None and not self._in_fade:
            forth, self.fade = self.fade.at(math.inf, state), None
        back, self._before, self._gesture = self._before or state, forth, ""
        return replace(back, killed=state.killed)


def _between(first: float, last: float, part: float) -> float:
    return last if part >= 1.0 else first + part * (last - first)
