"""Watches a running engine from outside: the end of the file, a lost device, a lost thread, faults.

Everything it asks of the real-time side is a counter on the board: a sound server that died makes no
call and gives no error, its heartbeat only stops.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from .errors import EngineError, RtstemError
from .rt import board as b
from .rt.board import Board
from .troubles import Troubles

SILENT_SECONDS = 1.0
"""Without a call of the device until that is told."""
LOST_SECONDS = 3.0
"""Until a device that says it is active is taken for lost."""
POLL_SECONDS = 0.05
MAX_RESTARTS = 5
"""Of the inference thread; what makes it end so often will not go away."""


class WatchedStream(Protocol):
    """What the watchdog asks of `Transport`."""

    @property
    def active(self) -> bool: ...

    @property
    def away(self) -> bool: ...

    def lost(self) -> bool: ...


class Worker(Protocol):
    """What it asks of `InferenceThread`."""

    @property
    def alive(self) -> bool: ...

    def restart(self) -> None: ...


class Watchdog:
    """A thread that sets `ended`, and `error` where the end is not the file's own.

    What the user should know that did not end the stream goes to `tell`; `pumps` gives the error of a
    feeder or drain, if any.
    """

    def __init__(
        self,
        board: Board,
        stream: WatchedStream,
        worker: Worker,
        troubles: Troubles,
        pumps: Callable[[], RtstemError | None],
        tell: Callable[[str], None],
        clocked: bool = True,
    ) -> None:
        """`clocked`: whether blocks must come by themselves, as from all devices but lockstep."""
        self._board, self._stream, self._worker = board, stream, worker
        self._troubles, self._pumps, self._tell = troubles, pumps, tell
        self._clocked, self._restarts = clocked, 0
        self._thread = threading.Thread(target=self._run, name="rtstem-watch", daemon=True)
        self.ended = threading.Event()
        self.error: RtstemError | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self.ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        silence = _Silence(self._board)
        while not self.ended.is_set():
            self.error = self._pumps() or self._trouble(silence)
            self._troubles.look()
            if self.error is not None or self._board.header[b.ENDED]:
                self.ended.set()
            self.ended.wait(POLL_SECONDS)

    def _trouble(self, silence: _Silence) -> EngineError | None:
        if self._stream.away:
            silence.forget()
        else:
            active = self._stream.active  # asked first: the virtual device ends itself after ENDED
            if self._board.header[b.ENDED]:
                return None
            if self._clocked:
                self._tell_of(silence)
            if not active or silence.seconds > LOST_SECONDS:
                silence.forget()
                if not self._stream.lost():
                    return EngineError("the stream has stopped; start rtstem again")
        return self._worker_lost()

    def _tell_of(self, silence: _Silence) -> None:
        lasted = silence.look()
        if silence.seconds > SILENT_SECONDS and not silence.told:
            silence.told = True
            self._tell("the sound device does not ask for audio; waiting for it")
        elif lasted > 0.0:
            self._tell(f"the sound device asks for audio again, after {lasted:.1f} s")

    def _worker_lost(self) -> EngineError | None:
        if self._worker.alive:
            return None
        if self._restarts == MAX_RESTARTS:
            return EngineError("the inference thread is lost again and again; start rtstem again")
        self._restarts += 1
        self._worker.restart()
        self._tell("the inference thread was lost; a new one has taken over")
        return None


class _Silence:
    """For how long the callback has not been called while this process was running.

    A process that was suspended finds an old heartbeat: only time in which the watchdog itself was
    awake counts.
    """

    def __init__(self, board: Board) -> None:
        self._header = board.header
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._beat, self._asked = -1, time.monotonic()
        self.seconds, self.told = 0.0, False

    def look(self) -> float:
        """Add the time since the last look to `seconds`; returns how long a silence that was `told`
        has lasted where it is just over, else 0."""
        now, beat = time.monotonic(), int(self._header[b.HEARTBEAT])
        self.seconds += min(now - self._asked, 2 * POLL_SECONDS)
        self._asked = now
        if beat == self._beat:
            return 0.0
        lasted = self.seconds if self.told else 0.0
        self._beat, self.seconds, self.told = beat, 0.0, False
        return lasted
