"""What may become of one case: taken, refused in one clean line, or a failure."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Protocol

from rtstem.errors import RtstemError

SLOW_SECONDS = 10.0
_LONGEST_LINE = 1000


class Target(Protocol):
    """One door. Made once in a process of its own, in an empty folder, before the first case.

    `room` is how many MiB of memory a case may take beyond what is in use before the first one.
    """

    cases: int
    room: int

    def __init__(self, seed: int, folder: Path) -> None: ...

    def make(self, number: int) -> bytes:
        """The input of case `number`: the same for the same seed."""

    def feed(self, data: bytes) -> None:
        """Give it to rtstem. An RtstemError is a refusal, anything else a failure."""

    def close(self) -> None:
        """Stop what was started."""


class FailedError(Exception):
    """What a target found to be wrong without an exception of rtstem's."""


def refusal(error: RtstemError) -> str:
    """The kind of message: the line without its names and numbers.

    Raises FailedError for what is no line that a terminal can show.
    """
    line = str(error)
    kind = re.sub(r"'[^']*'|\"[^\"]*\"|[\d./]+", "_", line)[:80]
    if not line.strip() or len(line) > _LONGEST_LINE or not line.isprintable():
        raise FailedError(f"the message is not one clean line: {kind!a}")
    return kind


def failure(error: BaseException) -> str:
    """The place and kind of a failure: equal for equal bugs."""
    if isinstance(error, FailedError):
        return f"{error}"[:300]
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if "tools/fuzz" not in f.filename
    ]
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first[:200]!s}{place}"
