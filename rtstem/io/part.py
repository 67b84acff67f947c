"""Files that grow under a hidden temporary name and appear under their own in one step.

A temporary file is locked for as long as its writer lives, so that what a killed program left can be
told from what another one is writing.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: a file that is open cannot be removed, which is lock enough
    fcntl = None  # type: ignore[assignment]

_PATTERN = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)


class PartFile:
    """An empty file at `path`, beside `target`: from `create` to `publish` or `discard`.

    Whoever creates it knows it before it is there: Ctrl-C in between must not leave it behind.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        self._lock = -1

    def create(self) -> None:
        """Make the file; raises OSError where the folder cannot be written to."""
        self._lock = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        if fcntl is None:
            self._unlock()  # libsndfile's own handle will be the lock
        else:
            held_by_another(self._lock)

    def publish(self) -> None:
        """Give the file its own name, replacing what bears it; raises OSError."""
        os.replace(self.path, self.target)
        self._unlock()

    def discard(self) -> None:
        """Remove the file where there is one that has not been published."""
        self._unlock()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def write_whole(target: Path, content: bytes) -> None:
    """Replace `target` by a file with `content` in one step; raises OSError."""
    part = PartFile(target)
    try:
        part.create()
        with part.path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.publish()
    finally:
        part.discard()


def held_by_another(descriptor: int) -> bool | None:
    """Lock a file or folder until the descriptor is closed; True where another has locked it.

    None where nobody can tell: the file system, or the system, has no such locks.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def remove_stale(path: Path) -> bool:
    """Remove `path` if it is a temporary file whose writer is gone; True where it was removed."""
    if not _PATTERN.fullmatch(path.name):
        return False
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            if fcntl is not None and held_by_another(descriptor) is not False:
                return False
        finally:
            os.close(descriptor)
        path.unlink()
        return True
    return False
