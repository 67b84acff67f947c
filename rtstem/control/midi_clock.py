"""Tempo of a MIDI clock, 24 messages a quarter note, and fades in its beats. Pure."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .desk import Desk

TICKS_PER_BEAT = 24
_WINDOW = 2 * TICKS_PER_BEAT + 1  # two beats: even the step of a device block averages out
_ENOUGH = 12
_GAP_SECONDS = 0.25
"""Slower than 10 beats a minute is a clock that has stopped."""


class Clock:
    """The tempo that the last two beats had."""

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=_WINDOW)

    def tick(self, at: float) -> None:
        """One clock message, at a time in seconds of any clock that runs evenly."""
        if self._ticks and not 0 <= at - self._ticks[-1] <= _GAP_SECONDS:
            self._ticks.clear()
        self._ticks.append(at)

    def reset(self) -> None:
        """The sender starts again, or is gone."""
        self._ticks.clear()

    def bpm(self, now: float) -> float | None:
        """Beats a minute at time `now`; None when there is no clock, or not for long enough."""
        if len(self._ticks) < _ENOUGH or now - self._ticks[-1] > _GAP_SECONDS:
            return None
        length = self._ticks[-1] - self._ticks[0]
        return 60 * (len(self._ticks) - 1) / (TICKS_PER_BEAT * length) if length > 0 else None


@contextlib.contextmanager
def fade_in_beats(desk: Desk | None, beats: float, bpm: float | None) -> Iterator[None]:
    """Snapshots that `desk` recalls meanwhile fade over so many beats; unchanged without a tempo."""
    if bpm is None or desk is None:
        yield
        return
    before, desk.fade_seconds = desk.fade_seconds, 60.0 * beats / bpm
    try:
        yield
    finally:
        desk.fade_seconds = before
