"""Many songs on one machine: a process a core, each with one song at a time.

A process that dies takes its song with it and no other: the song is tried once more, in a new
process, then given up. The end of the program, of whatever kind, is the end of the processes.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Self, TypeVar

from .interrupt import end_like_ctrl_c

T = TypeVar("T")
R = TypeVar("R")
Told = Callable[[float], None]
Task = Callable[[T, Told], R]
"""A function at the top of a module; it reports its progress in seconds of audio."""

_ATTEMPTS = 2
_REPORT_EVERY = 0.25  # s
_PATIENCE = 10.0  # s, for a process to clean up before it is killed


@dataclass(frozen=True)
class Lost:
    """Stands for the result of an item whose process died."""

    reason: str


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Pool:
    """Up to `size` processes, started when needed; a context manager."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._idle: list[_Worker] = []
        self._busy: dict[Connection, _Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        workers = [*self._idle, *self._busy.values()]
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()

    def run(self, task: Task[T, R], items: Sequence[T], told: Told) -> Iterator[tuple[T, R | Lost]]:
        """(item, what `task` gave for it) in the order in which they get done.

        `told` hears the progress of all songs in hand together, in seconds of audio.
        """
        waiting = deque((item, 1) for item in items)
        while waiting or self._busy:
            while waiting and len(self._busy) < self.size:
                worker = self._idle.pop() if self._idle else _Worker()
                worker.give(task, *waiting.popleft())
                self._busy[worker.pipe] = worker
            for pipe in wait(list(self._busy)):
                worker = self._busy[pipe]  # type: ignore[index]
                try:
                    finished, value = worker.pipe.recv()
                except (EOFError, OSError):
                    del self._busy[worker.pipe]
                    lost = worker.bury()
                    if worker.attempt < _ATTEMPTS:
                        waiting.appendleft((worker.item, worker.attempt + 1))
                    else:
                        yield worker.item, lost
                    continue
                worker.seconds = 0.0 if finished else value
                if finished:
                    self._idle.append(self._busy.pop(worker.pipe))
                    yield worker.item, value
            told(sum(worker.seconds for worker in self._busy.values()))


class _Worker:
    """A process and the pipe to it."""

    item: Any
    attempt: int

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.seconds = 0.0
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()  # else its end would not be the end of the pipe

    def give(self, task: Any, item: Any, attempt: int) -> None:
        self.item, self.attempt, self.seconds = item, attempt, 0.0
        with contextlib.suppress(OSError):  # it died while idle: the pipe says so when it is read
            self.pipe.send((task, item))

    def bury(self) -> Lost:
        """What ended the process."""
        self._process.join(_PATIENCE)
        code = self._process.exitcode
        if code is None or code >= 0:
            return Lost(f"its process ended with status {code}")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        cure = "is there memory enough? try fewer --jobs" if name == "SIGKILL" else "is it damaged?"
        return Lost(f"its process was ended by {name}; {cure}")

    def terminate(self) -> None:
        self._process.terminate()

    def join(self) -> None:
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()


def _serve(pipe: Connection) -> None:
    """The life of a process: tasks in, progress and results out, until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends us by SIGTERM
    end_like_ctrl_c()
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            task, item = pipe.recv()
            pipe.send((True, task(item, _Reporter(pipe))))


class _Reporter:
    """Sends the progress, not too often."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._next = 0.0

    def __call__(self, seconds: float) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _REPORT_EVERY
            self._pipe.send((False, seconds))
