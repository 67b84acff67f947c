"""Threads that treat the interpreter and the memory badly, to run beside the audio in the same process.

Each is a generator: one step of bad behaviour, then how many seconds it pauses.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence

_MIB = 1 << 20
_BLOCK_MIB = 32  # above what malloc keeps: each one is mapped, touched and given back
_FILE_MIB = 64
_SYNC_MIB = 16
_PAGE = 4096

Steps = Iterator[float]


def busy() -> Steps:
    """Pure Python that never sleeps: holds the GIL for a switch interval at a time."""
    count = 0
    while True:
        for _ in range(500_000):
            count += 1
        yield 0.0


def json_dumps() -> Steps:
    """One C call that holds the GIL for its whole length (about 0.1 to 0.2 s), over and over."""
    rows = [{"id": i, "name": "x" * 20, "values": [1.5 * i] * 5} for i in range(60_000)]
    while True:
        json.dumps(rows)
        yield 0.2


def garbage() -> Steps:
    """Cycles for the garbage collector, beside a large live heap that it has to walk."""
    heap = [[i, [i], {"i": i}] for i in range(400_000)]
    while heap:
        for _ in range(2_000):
            loop: list[object] = []
            loop.append(loop)
            loop.append({"loop": loop})
        yield 0.001


def allocate() -> Steps:
    """Large blocks mapped, touched page by page and given back: the kernel's memory locks at work."""
    while True:
        block = bytearray(_BLOCK_MIB * _MIB)
        block[::_PAGE] = b"x" * (len(block) // _PAGE)
        del block
        yield 0.02


def write_disk() -> Steps:
    """A file written, synced and begun again, megabyte by megabyte."""
    chunk = os.urandom(_MIB)
    with tempfile.TemporaryFile() as file:
        while True:
            file.seek(0)
            for written in range(1, _FILE_MIB + 1):
                file.write(chunk)
                if written % _SYNC_MIB == 0:
                    file.flush()
                    os.fsync(file.fileno())
                yield 0.02


ADVERSARIES: dict[str, Callable[[], Steps]] = {
    "busy": busy,
    "json": json_dumps,
    "gc": garbage,
    "memory": allocate,
    "disk": write_disk,
}
INTERPRETER = ("busy", "json", "gc")
"""Those that fight for the GIL."""


class Adversaries:
    """The named ones, each in a daemon thread; a context manager.

    `share` is the part of the time that each may work, for machines that others need as well.
    """

    def __init__(self, names: Sequence[str], share: float = 1.0) -> None:
        self._share = share
        self._stopping = threading.Event()
        self._begun = [threading.Event() for _ in names]
        self._threads = [
            threading.Thread(target=self._run, args=(name, begun), name=name, daemon=True)
            for name, begun in zip(names, self._begun, strict=True)
        ]
        self.gave_up: dict[str, str] = {}
        """Names of those that the machine did not let work, and why."""

    def __enter__(self) -> Adversaries:
        """Start them; returns when all have built their heaps and made a first step."""
        for thread in self._threads:
            thread.start()
        for begun in self._begun:
            begun.wait()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, name: str, begun: threading.Event) -> None:
        try:
            self._work(ADVERSARIES[name](), begun)
        except (OSError, MemoryError) as error:
            self.gave_up[name] = str(error) or type(error).__name__
        finally:
            begun.set()

    def _work(self, steps: Steps, begun: threading.Event) -> None:
        while True:
            started = time.monotonic()
            pause = next(steps)
            spent = time.monotonic() - started
            if begun.is_set():
                pause = max(pause, spent * (1 / self._share - 1))
            begun.set()
            if self._stopping.wait(pause):
                return
