"""Turns counters of the real-time side into lines for people: one when a trouble begins, one when it
is over, however many blocks it spoiled.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .rt import board as b
from .rt.board import Board
from .rt.capture import Capture
from .rt.hop import NOT_FINITE, RUN_FAILED
from .rt.pull import MAX_DRIFT
from .rt.separator import Separator

OVER_SECONDS = 2.0
"""A trouble is over when its counter has stood still for so long."""
WORTH_SECONDS = 0.1
"""Held stems that bridged less than this are only counted: nobody heard it."""
LASTING_SECONDS = 0.5
"""A trouble that lasts is told of before it is over."""
DRIFT_SECONDS = 5.0
"""Drift at its limit for so long is none that passes."""


class _Episode:
    """The sum of some counters of the board: `begun` while it moves, how much, for how long."""

    def __init__(self, header: npt.NDArray[np.int64], *slots: int) -> None:
        self._header, self._slots = header, list(slots)
        self._before = self._seen = 0
        self._since = self._moved = 0.0
        self.begun = False
        self.told = False

    def look(self, now: float) -> bool:
        """Read the counter; True when an episode has just ended."""
        count = int(self._header[self._slots].sum())
        if count != self._seen:
            if not self.begun:
                self.begun, self.told, self._before, self._since = True, False, self._seen, now
            self._seen, self._moved = count, now
        over = self.begun and now - self._moved > OVER_SECONDS
        if over:
            self.begun = False
        return over

    @property
    def count(self) -> int:
        return self._seen - self._before

    @property
    def seconds(self) -> float:
        return self._moved - self._since

    @property
    def lasts(self) -> bool:
        return self.begun and self.seconds > LASTING_SECONDS


class _Clocks:
    """Whether two clocks differ by more than is followed."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._since, self._told = time.monotonic(), False

    def apart(self, now: float) -> bool:
        """True once, when that has lasted."""
        if abs(self._capture.ppm) < 0.999e6 * MAX_DRIFT:
            self._since = now
        if self._told or now - self._since < DRIFT_SECONDS:
            return False
        self._told = True
        return True


class Troubles:
    """Looks at late stems, late input, failures of the model, too large blocks and clocks far apart."""

    def __init__(self, board: Board, separator: Separator, tell: Callable[[str], None]) -> None:
        self._header, self._separator, self._tell = board.header, separator, tell
        self._late = _Episode(board.header, b.MISSED_BLOCKS, b.CONCEALED_BLOCKS, b.HELD_HOPS)
        self._failing = _Episode(board.header, b.MODEL_FAULTS)
        self._starving = _Episode(board.header, b.FEED_UNDERFLOWS)
        self._before = (0, 0, 0)  # frames, blocks and missed blocks before stems were late
        self._explained = False  # the model's failures are why stems are late
        self._oversized = False
        self._clocks: _Clocks | None = None

    def follow(self, capture: Capture) -> None:
        """Tell of an input on a clock of its own too."""
        self._clocks = _Clocks(capture)

    def watch(self, separator: Separator) -> None:
        """From now on tell of the failures of this one."""
        self._separator = separator

    def look(self) -> None:
        """Read the counters and tell what has begun or ended since the last look."""
        now = time.monotonic()
        late_over, failing_over = self._late.look(now), self._failing.look(now)
        self._look_at_the_model(failing_over)
        self._look_at_late_stems(late_over)
        self._look_at_the_input(self._starving.look(now))
        if self._header[b.OVERSIZED] and not self._oversized:
            self._oversized = True
            self._tell(f"the device asks for more than {b.MAX_BLOCK} frames; set audio.block")
        if self._clocks is not None and self._clocks.apart(now):
            self._tell(
                f"input and output drift apart by more than {1e6 * MAX_DRIFT:.0f} ppm;"
                " set audio.block to 0, and both devices to the rates that they really have"
            )

    def _look_at_the_model(self, over: bool) -> None:
        failing, separator = self._failing, self._separator
        if failing.begun and not failing.told:
            failing.told = True
            result = RUN_FAILED if separator.state.cursor[1] else NOT_FINITE
            self._tell(f"the model fails, playing without it: {separator.failure(result)}")
        if over:
            self._tell(f"the model works again; it failed in {_times(failing.count, 'hop')}")

    def _look_at_the_input(self, over: bool) -> None:
        starving = self._starving
        if starving.lasts and not starving.told:
            starving.told = True
            self._tell("the input does not come in time; waiting for it")
        if over:
            blocks, seconds = _times(starving.count, "block"), starving.seconds
            self._tell(f"the input comes again; {blocks} in {seconds:.1f} s went without")

    def _look_at_late_stems(self, over: bool) -> None:
        late, h = self._late, self._header
        self._explained = self._explained or self._failing.begun
        if late.lasts and not late.told and not self._explained:
            late.told = True
            self._tell(f"stems come too late: {self._why_late()}")
        if over and not self._explained:
            self._tell_of_the_end(int(h[b.MISSED_BLOCKS]) - self._before[2])
        if not late.begun:
            self._explained = False
            self._before = int(h[b.IN_HEAD]), int(h[b.BLOCKS]), int(h[b.MISSED_BLOCKS])

    def _tell_of_the_end(self, dry: int) -> None:
        seconds = self._late.seconds
        if dry or seconds > WORTH_SECONDS:
            how = f"{_times(dry, 'block')} played dry" if dry else "held masks bridged the gap"
            self._tell(f"stems are in time again after {seconds:.1f} s; {how}")

    def _why_late(self) -> str:
        """What makes hops late for long: larger blocks than those the delay was made for, or load."""
        h, (frames, blocks, _) = self._header, self._before
        block = (h[b.IN_HEAD] - frames) / max(1, h[b.BLOCKS] - blocks)
        if block > 1.2 * h[b.MAX_FRAMES]:
            return (
                f"the device's blocks have grown from {h[b.MAX_FRAMES]} to about {block:.0f} frames;"
                " set its period back, or start rtstem again"
            )
        return (
            "the model is too slow here just now; close other programs, or start again with more"
            " --safety-hops"
        )


def _times(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
