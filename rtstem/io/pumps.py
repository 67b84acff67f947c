"""Python threads beside the real-time side: one fills the feed ring from a file, one empties the sink
ring. The rings hold seconds of audio, so neither ever hurries the callback.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import RtstemError
from ..rt import board as b
from ..rt.atomics import publish
from ..rt.ring import pop, push

F32 = npt.NDArray[np.float32]
CHUNK_FRAMES = 8192
POLL_SECONDS = 0.005
Sink = Callable[[F32], None]


class Reader(Protocol):
    """A source of stereo audio at the engine's rate."""

    def read(self, frames: int) -> F32:
        """Up to `frames` frames [n, 2]; none at the end."""

    def close(self) -> None:
        """Release the file."""


class Feeder:
    """Decodes ahead into the feed ring `[n, 2]`; `error` holds what went wrong, if anything."""

    def __init__(self, reader: Reader, ring: F32, header: npt.NDArray[np.int64]) -> None:
        self._reader, self._ring, self._header = reader, ring, header
        self._rest = np.empty((0, 2), np.float32)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtstem-feed", daemon=True)
        self.error: RtstemError | None = None

    def start(self) -> None:
        """Fill the ring once, so that the first block finds audio, then go on in a thread."""
        while self._step():
            pass
        self._thread.start()

    def _step(self) -> bool:
        """Read and push one chunk; False where the ring is full or the source has ended."""
        if not len(self._rest):
            self._rest = np.ascontiguousarray(self._reader.read(CHUNK_FRAMES), np.float32)
            if not len(self._rest):
                publish(self._header, b.FEED_EOF, 1)
                return False
        done = push(self._ring, self._header, b.FEED_HEAD, b.FEED_TAIL, self._rest)
        self._rest = self._rest[done:]
        return not len(self._rest)

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self._header[b.FEED_EOF]:
                if not self._step():
                    time.sleep(POLL_SECONDS)
        except RtstemError as error:
            self.error = error
        finally:
            publish(self._header, b.FEED_EOF, 1)

    def stop(self) -> None:
        """End the thread and close the file."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._reader.close()


class Drain:
    """Hands every output block to `sink`, in order, until stopped and the ring is empty."""

    def __init__(self, sink: Sink, ring: F32, header: npt.NDArray[np.int64]) -> None:
        self._sink, self._ring, self._header = sink, ring, header
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtstem-drain", daemon=True)
        self.error: Exception | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def _run(self) -> None:
        block = np.empty((CHUNK_FRAMES, self._ring.shape[1]), np.float32)
        while True:
            ended = self._stop.is_set()
            count = pop(self._ring, self._header, b.SINK_HEAD, b.SINK_TAIL, block)
            if count:
                self._give(block[:count].copy())
            elif ended:
                return
            else:
                time.sleep(POLL_SECONDS)

    def _give(self, block: F32) -> None:
        if self.error is None:
            try:
                self._sink(block)
            except Exception as error:
                self.error = error

    def stop(self) -> None:
        """Wait until everything has been handed over."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
