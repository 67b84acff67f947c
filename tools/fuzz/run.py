"""Run one target's cases to their end, whatever becomes of the processes that they run in."""

from __future__ import annotations

import json
import multiprocessing
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .worker import FAULT, Progress, work

HANG_SECONDS = 60.0
_PREPARE_SECONDS = 600.0  # the engine may have to be compiled
_MEMORY = Path("/dev/shm")  # POSIX systems that have it: files of the cases need no disk
_LOOK_SECONDS = 0.2
_MOST_DEATHS = 200


@dataclass
class Result:
    """What came of one target."""

    name: str
    cases: int = 0
    seconds: float = 0.0
    messages: dict[str, int] = field(default_factory=dict)
    """Kinds of refusals, and how often each was given."""
    failures: list[tuple[str, Path]] = field(default_factory=list)
    """What went wrong, and the file with the input."""
    deaths: int = 0
    """Cases that ended their process; of equal ones `failures` has the first."""
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds and number of the slowest case."""


def run_target(
    name: str, seed: int, cases: int, out: Path, tell: Callable[[int], None] = lambda done: None
) -> Result:
    """All cases of one target; inputs of failures are kept in `out`."""
    result, began = Result(name), time.monotonic()
    place = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="rtstem-fuzz-", dir=place) as temporary:
        folder = Path(temporary)
        progress = Progress(folder, create=True)
        first = deaths = 0
        killers: set[str] = set()
        while first < cases and deaths < _MOST_DEATHS:
            death = _one_process(name, seed, (first, cases), folder, progress, tell)
            reached, data = progress.now()
            if death:
                deaths += 1
                if death not in killers:
                    _keep(result, out, reached, death, data)
                killers.add(death)
                if not progress.begun:  # nor will it in another process
                    break
                reached += 1
            first = result.cases = reached
        result.deaths = deaths
        _collect(result, folder, out)
    result.seconds = time.monotonic() - began
    return result


def _one_process(
    name: str,
    seed: int,
    numbers: tuple[int, int],
    folder: Path,
    progress: Progress,
    tell: Callable[[int], None],
) -> str:
    """Why the process ended before its cases did; empty: it did not."""
    progress.prepare(numbers[0])
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(name, seed, *numbers, folder)
    )
    process.start()
    reached, since = numbers[0], time.monotonic()
    while process.is_alive():
        process.join(_LOOK_SECONDS)
        now, _ = progress.now()
        tell(now)
        if now != reached:
            reached, since = now, time.monotonic()
        elif time.monotonic() - since > (HANG_SECONDS if progress.begun else _PREPARE_SECONDS):
            process.kill()
            process.join()
            return f"hangs for over {HANG_SECONDS:.0f} s"
    return _death(process.exitcode, folder) if process.exitcode else ""


def _death(code: int | None, folder: Path) -> str:
    """With the last line of Python that ran, where that is known."""
    found = re.search(r'File "(.*)", line (\d+)', (folder / FAULT).read_text())
    place = f" at {found[1]}:{found[2]}" if found else ""
    return f"the process ended with code {code}{place}"


def _keep(result: Result, out: Path, number: int, what: str, data: bytes) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{_file_name(result.name)}-{number}.bin"
    path.write_bytes(data)
    result.failures.append((f"case {number}: {what}", path))


def _file_name(name: str) -> str:
    return name.rpartition(":")[2]


def _collect(result: Result, folder: Path, out: Path) -> None:
    """What the processes have left in `folder`."""
    for report in _lines(folder / "reports.jsonl"):
        for message, count in report["messages"].items():
            result.messages[message] = result.messages.get(message, 0) + count
        result.slowest = max(result.slowest, tuple(report["slowest"]))
    seen = set()
    for found in _lines(folder / "failures.jsonl"):
        if found["what"] not in seen:
            seen.add(found["what"])
            number = found["case"]
            _keep(result, out, number, found["what"], (folder / f"case-{number}.bin").read_bytes())
            shutil.copyfile(
                folder / f"case-{number}.txt", out / f"{_file_name(result.name)}-{number}.txt"
            )


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
