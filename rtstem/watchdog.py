"""Watches a running engine from outside: the end of the file, a silent device, a lost thread, faults.

Everything it asks of the real-time side is a counter on the board: a sound server that died makes no
call and gives no error, its heartbeat only stops.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from .errors import EngineError, RtstemError
from .rt import board as b
from .rt.board import Board
from .rt.hop import NOT_FINITE, RUN_FAILED
from .rt.inference import InferenceThread
from .rt.separator import Separator

HEARTBEAT_SECONDS = 1.0
POLL_SECONDS = 0.05


class Stream(Protocol):
    """What device and virtual streams have in common."""

    @property
    def active(self) -> bool:
        """False once no more blocks will come."""

    @property
    def latency_frames(self) -> int:
        """The host's own buffering."""

    def start(self) -> None:
        """Begin to call the callback."""

    def stop(self, dead: bool = False) -> bool:
        """Stop for good, with little patience for a `dead` host; False where it hangs."""


class Watchdog:
    """A thread that sets `ended`, and `error` where the end is not the file's own.

    `notice` is the last thing the user should know that did not end the stream; `pumps` gives the
    error of a feeder or drain, if any.
    """

    def __init__(
        self,
        board: Board,
        stream: Stream,
        inference: InferenceThread,
        separator: Separator,
        pumps: Callable[[], RtstemError | None],
        clocked: bool = True,
    ) -> None:
        """`clocked`: whether blocks must come by themselves, as from all devices but lockstep."""
        self._board, self._stream, self._inference = board, stream, inference
        self._separator, self._pumps = separator, pumps
        self._patience = HEARTBEAT_SECONDS if clocked else math.inf
        self._thread = threading.Thread(target=self._run, name="rtstem-watch", daemon=True)
        self.ended = threading.Event()
        self.error: RtstemError | None = None
        self.notice = ""

    def watch(self, separator: Separator) -> None:
        """From now on tell of the failures of this one."""
        self._separator = separator

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self.ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        h = self._board.header
        beat, since = -1, time.monotonic()
        while not self.ended.is_set():
            if h[b.HEARTBEAT] != beat:
                beat, since = int(h[b.HEARTBEAT]), time.monotonic()
            self.error = self._pumps() or self._trouble(time.monotonic() - since)
            self._notice_faults()
            if self.error is not None or h[b.ENDED]:
                self.ended.set()
            self.ended.wait(POLL_SECONDS)

    def _trouble(self, silent_seconds: float) -> EngineError | None:
        active = self._stream.active  # asked first: the virtual device ends itself after ENDED
        if self._board.header[b.ENDED]:
            return None
        if silent_seconds > self._patience or not active:
            return EngineError(
                "the sound server or device has stopped; start it again, then rtstem"
            )
        if not self._inference.alive:
            return EngineError("the inference thread was lost; start rtstem again")
        return None

    def _notice_faults(self) -> None:
        h, separator = self._board.header, self._separator
        if separator.state.cursor[1]:
            self.notice = f"the model fails, playing dry: {separator.failure(RUN_FAILED)}"
        elif h[b.MODEL_FAULTS] and not self.notice:
            self.notice = f"the model fails, playing dry: {separator.failure(NOT_FINITE)}"
        elif h[b.OVERSIZED] and not self.notice:
            self.notice = f"the device asks for more than {b.MAX_BLOCK} frames; set audio.block"
