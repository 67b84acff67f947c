"""The one way in which rtstem compiles: `compiled` (and `compiled_sums`) for functions, `c_callback` for
C callbacks.

Machine code is cached on disk in a folder named after a hash of all compiled sources: numba itself
looks only at the file of the function called, not at the files of the functions that it inlines.
Whoever can write there could run code as us, so the folder must be nobody else's.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .private_folder import keep_private

PACKAGE = Path(__file__).parents[1]


@cache
def cache_dir() -> Path:
    """Folder of the machine code that belongs to these sources and this numba."""
    digest = hashlib.sha256(version("numba").encode())
    for path in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("rt/*.py"), *PACKAGE.glob("io/*.py")]):
        text = path.read_bytes()
        if b"@compiled" in text or path.parent.name == "rt":
            digest.update(text)
    return _user_cache() / "rtstem" / f"compiled-{digest.hexdigest()[:16]}"


def _user_cache() -> Path:
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    if platform.system() == "Windows":
        return Path(os.environ.get("LOCALAPPDATA", "~")).expanduser()
    if platform.system() == "Darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def is_warm() -> bool:
    """True where an engine has been compiled before, so that the next start takes seconds."""
    return any(cache_dir().glob("**/inference.inference_loop*.nbc"))


@cache
def private_cache_dir() -> Path:
    """`cache_dir`, made where it can be. Raises ConfigError where others can write there."""
    keep_private(cache_dir())
    return cache_dir()


@contextmanager
def _own_cache() -> Iterator[None]:
    import numba  # here, so that asking `is_warm` costs nothing

    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(private_cache_dir())
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def compiled(function: Callable[..., Any]) -> Any:
    """Compile on first call, without the GIL while running, division by zero as in C, cached."""
    import numba

    with _own_cache():
        return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


def compiled_sums(function: Callable[..., Any]) -> Any:
    """As `compiled`, and sums may be taken in another order: several terms at a time."""
    import numba

    order = {"reassoc", "contract"}
    with _own_cache():
        return numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=order)(function)


def c_callback(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile now to a C function of `signature`, cached."""

    def decorate(function: Callable[..., Any]) -> Any:
        import numba

        with _own_cache():
            return numba.cfunc(signature, nopython=True, cache=True, error_model="numpy")(function)

    return decorate
