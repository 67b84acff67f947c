"""The process in which one target's cases run: it may crash, hang or run out of memory.

What the parent must know even then is in a small file that both have mapped: how far it is, and the
case under way.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import mmap
import os
import resource
import struct
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

from rtstem.errors import RtstemError

from .targets import open_target
from .verdict import SLOW_SECONDS, FailedError, Target, failure, refusal

_HEAD = struct.Struct("<QQ")
_NOT_BEGUN = (1 << 64) - 1
_ROOM = 8 << 20
FAULT = "fault.txt"
"""Where Python was when a library took the process down with it."""
_WRITE_EVERY = 500
_COUNTER = "progress.bin"
_MIB = 1 << 20


class Progress:
    """Number of the case under way and its input, for another process to read."""

    def __init__(self, folder: Path, create: bool = False) -> None:
        path = folder / _COUNTER
        if create:
            path.write_bytes(bytes(_HEAD.size + _ROOM))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def begin(self, number: int, data: bytes) -> None:
        """Case `number` begins."""
        kept = data[:_ROOM]
        self._map[_HEAD.size : _HEAD.size + len(kept)] = kept
        self._map[: _HEAD.size] = _HEAD.pack(number, len(kept))

    def prepare(self, number: int) -> None:
        """A process is being made ready for the cases from `number` on."""
        self._map[: _HEAD.size] = _HEAD.pack(number, _NOT_BEGUN)

    @property
    def begun(self) -> bool:
        """Whether the first case has begun."""
        return bool(_HEAD.unpack(self._map[: _HEAD.size])[1] != _NOT_BEGUN)

    def now(self) -> tuple[int, bytes]:
        """Number and input of the case under way."""
        number, size = _HEAD.unpack(self._map[: _HEAD.size])
        return number, self._map[_HEAD.size : _HEAD.size + size] if self.begun else b""


def work(name: str, seed: int, first: int, end: int, folder: Path) -> None:
    """Run the cases `first` to `end` of a target; the result is in `folder`."""
    warnings.simplefilter("error")
    faulthandler.enable((folder / FAULT).open("w"))
    progress, found = Progress(folder), _Found(folder)
    target = open_target(name, seed, folder / "work")
    with _little_memory(target.room), _quiet():
        for number in range(first, end):
            data = target.make(number)
            progress.begin(number, data)
            found.judge(target, number, data)
            if number % _WRITE_EVERY == 0:
                found.write()
        progress.begin(end, b"")
        target.close()
    found.write()
    # Neither threads that hang nor a library's clean-up may keep the result back.
    sys.stdout.flush()
    os._exit(0)


class _Found:
    """Messages and failures so far."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._messages: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._slowest = (0.0, 0)

    def judge(self, target: Target, number: int, data: bytes) -> None:
        """One case."""
        began = (
            time.process_time()
        )  # of all threads; what others do with the machine is not counted
        try:
            self._take(target, data)
            seconds = time.process_time() - began
            self._slowest = max(self._slowest, (seconds, number))
            if seconds > SLOW_SECONDS:
                raise FailedError(f"a case of over {SLOW_SECONDS:.0f} s")
        except Exception as error:  # what we are here for
            self._fail(error, number, data)

    def _take(self, target: Target, data: bytes) -> None:
        try:
            target.feed(data)
        except RtstemError as error:
            line = refusal(error)
            self._messages[line] = self._messages.get(line, 0) + 1

    def _fail(self, error: Exception, number: int, data: bytes) -> None:
        what = failure(error)
        if what not in self._failures:
            (self._folder / f"case-{number}.bin").write_bytes(data)
            text = "".join(traceback.format_exception(error))
            (self._folder / f"case-{number}.txt").write_text(text, errors="backslashreplace")
            line = json.dumps({"case": number, "what": what})
            with (self._folder / "failures.jsonl").open("a") as file:
                file.write(line + "\n")
        self._failures[what] = self._failures.get(what, 0) + 1

    def write(self) -> None:
        """Add what has been found since the last call to the report of this run."""
        report = {"messages": self._messages, "slowest": self._slowest}
        with (self._folder / "reports.jsonl").open("a") as file:
            file.write(json.dumps(report) + "\n")
        self._messages = {}


@contextlib.contextmanager
def _little_memory(room: int) -> Iterator[None]:
    """At most `room` MiB more than now: a case that wants more gets a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * mmap.PAGESIZE + room * _MIB, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Codecs print their opinions of broken files."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
