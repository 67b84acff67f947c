"""A graphics card that somebody else needs as well: noticed by the times of the hops, and left.

A program that uses the same card makes some hops many times longer than the others. The model's copy on
the CPU then takes over, warmed up, between two hops (`swap.py`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import ModelError
from .model_spec import ModelSpec
from .rt import board as b
from .rt.board import Board
from .rt.providers import CPU
from .rt.separator import Separator
from .swap import prepare

LOOK_SECONDS = 0.25
WINDOW_SECONDS = 2.0
SLOW = 0.5
"""Of the time from hop to hop: a hop that takes longer was held up."""
SHARE = 0.05
"""Of the hops in the window, held up, late or bridged by held masks: then the card is left."""


@dataclass(frozen=True)
class Crowd:
    """What a window of hops shows, times in ms."""

    share: float
    slow_ms: float
    usual_ms: float

    def __str__(self) -> str:
        return (
            f"{self.share:.0%} of the hops took more than {self.slow_ms:.1f} ms or came late, half"
            f" of them less than {self.usual_ms:.1f} ms"
        )


class HopWindow:
    """The hops of the last seconds, as the board counts them."""

    def __init__(self, board: Board) -> None:
        self._board = board
        h = board.header
        period_ns = 10**9 * int(h[b.HOP]) // int(h[b.RATE])
        self._slow_ns = SLOW * period_ns
        self._needed = WINDOW_SECONDS * 1e9 / period_ns
        self._seen: deque[npt.NDArray[np.int64]] = deque(
            maxlen=round(WINDOW_SECONDS / LOOK_SECONDS) + 1
        )

    def forget(self) -> None:
        """Begin anew."""
        self._seen.clear()

    def look(self) -> Crowd | None:
        """To be called every LOOK_SECONDS; what is wrong, None where nothing is or is known yet."""
        h = self._board.header
        missed = int(h[b.HELD_HOPS] + h[b.LATE_HOPS])
        self._seen.append(np.append(self._board.hop_hist, missed))
        hops = self._seen[-1] - self._seen[0]
        times, missed, total = hops[:-1], int(hops[-1]), int(hops[:-1].sum())
        if len(self._seen) < (self._seen.maxlen or 0) or total < 0.5 * self._needed:
            return None
        slow = int(times[round(self._slow_ns / b.HOP_BIN_NS) :].sum())
        share = min(1.0, (slow + missed) / total)
        if share < SHARE:
            return None
        middle = int(np.searchsorted(np.cumsum(times), total / 2)) + 1
        return Crowd(share, self._slow_ns / 1e6, middle * b.HOP_BIN_NS / 1e6)


class Contention:
    """A thread that watches the hops while a separator stands by, and calls `leave` once."""

    def __init__(
        self, board: Board, standby: Separator | None, leave: Callable[[str], None]
    ) -> None:
        """`leave` gets what was seen; it should `take` the standby. None: nothing to be done."""
        self._board, self._standby, self._leave = board, standby, leave
        self._window: HopWindow | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtstem-contention", daemon=True)

    def start(self) -> None:
        """Watch, where a separator stands by; the stream must have been planned."""
        if self._standby is not None:
            self._window = HopWindow(self._board)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and close a standby that nobody has taken."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        standby = self.take()
        if standby is not None:
            standby.close()

    def take(self) -> Separator | None:
        """The standby, which is the caller's from now on."""
        standby, self._standby = self._standby, None
        return standby

    def renew(self, spec: ModelSpec) -> None:
        """Another model plays: let it stand by in place of the one before."""
        before = self.take()
        if before is None:
            return
        before.close()
        standby = Separator(spec, CPU, playing=True)
        try:
            standby.warm_up()
        except ModelError:  # it plays, but not on the CPU
            standby.close()
            return
        if self._window is not None:
            self._window.forget()
        self._standby = standby

    def _run(self) -> None:
        window, standby = self._window, self._standby
        if standby is not None:
            prepare(self._board, standby)
        while window is not None and not self._ended.wait(LOOK_SECONDS):
            if self._board.header[b.STATE] != b.RUNNING:
                window.forget()
                continue
            crowd = window.look()
            if crowd is not None and self._standby is not None:
                self._leave(str(crowd))
                return
