"""A folder that nobody else can write to: what is loaded from it runs as our own code."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from ..errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ROOT = 0


def keep_private(folder: Path) -> None:
    """Make `folder` and its parent, or see that they are ours (or root's) alone.

    Folders of ours that others could read are closed to them; one that others could write to is
    emptied first. Nothing is made where the system does not allow it: nothing can be loaded then.
    Raises ConfigError where somebody else could have put something there.
    """
    if not hasattr(os, "geteuid"):  # Windows: the user's own folders are closed to others
        return
    try:
        folder.parent.parent.mkdir(parents=True, exist_ok=True)
        for path in (folder.parent, folder):
            path.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    except OSError:
        pass
    for path in (folder.parent, folder):
        if path.exists():
            _check(path, empty=path == folder)


def _check(path: Path, empty: bool) -> None:
    owners = {path.lstat().st_uid, path.stat().st_uid}  # of a link, and of where it leads
    if not owners <= {_ROOT, os.geteuid()}:
        raise _refusal(path, "belongs to another user")
    mode = path.stat().st_mode
    if mode & _OTHERS and path.stat().st_uid == os.geteuid():
        _close(path, empty and bool(mode & _OTHERS_WRITE))
    elif mode & _OTHERS_WRITE:
        raise _refusal(path, "can be written to by other users")


def _close(path: Path, empty: bool) -> None:
    try:
        path.chmod(stat.S_IRWXU)
        for entry in path.iterdir() if empty else ():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    except OSError as error:
        reason = f"cannot be made private ({error.strerror})"
        raise _refusal(path, reason) from None


def _refusal(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{path}: {why}, and compiled code is loaded from it; remove it, or set NUMBA_CACHE_DIR to "
        "a folder of your own"
    )
