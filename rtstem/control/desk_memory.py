"""What the desk remembers: the state before the last gesture, snapshots, and a fade under way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .desk_state import DeskState, Values, frozen

GESTURE_SECONDS = 0.5
SNAPSHOTS = 8


class Undo:
    """Keeps the state before the last gesture: moves of one control in quick succession."""

    def __init__(self) -> None:
        self.before: DeskState | None = None
        self._gesture, self._last = "", 0.0

    def note(self, state: DeskState, gesture: str) -> None:
        """`state` is about to be changed by `gesture`, such as `fader vocals`."""
        now = time.monotonic()
        if gesture != self._gesture or now - self._last > GESTURE_SECONDS:
            self.before = state
        self._gesture, self._last = gesture, now

    def swap(self, state: DeskState) -> DeskState:
        """The state to go back to; `state` is what a second undo brings again."""
        back, self.before, self._gesture = self.before or state, state, ""
        return back


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
        return now - self.began >= self.seconds

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


def _between(first: float, last: float, part: float) -> float:
    return last if part >= 1.0 else first + part * (last - first)
