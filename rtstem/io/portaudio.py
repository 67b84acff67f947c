"""PortAudio as a whole: the library, and starting it anew, since it lists devices only at its start.

A host that hangs takes its copy of the library with it: JACK's code waits ten minutes for a server
that has died, and ending PortAudio then waits as well or aborts the process. So such a copy is left
alone for good, and a fresh one is loaded beside it. sounddevice's private names are used for that:
its version is pinned.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..errors import DeviceError

JACK = "JACK Audio Connection Kit"


def portaudio() -> Any:
    """The sounddevice module; DeviceError where PortAudio is missing."""
    try:
        import sounddevice
    except OSError:
        raise DeviceError(
            "PortAudio is not installed; on Debian or Ubuntu run: apt install libportaudio2"
        ) from None
    return sounddevice


def begin() -> None:
    """Let PortAudio look for the devices that are there now. Raises DeviceError."""
    sd = portaudio()
    try:
        sd._initialize()
    except sd.PortAudioError as error:
        raise DeviceError(f"the sound system does not start: {error.args[0]}") from None


def end() -> None:
    """Forget all devices; nothing but `begin` works afterwards. For a library that does not hang."""
    sd = portaudio()
    while sd._initialized:
        sd._terminate()


def end_after_loss(hung: bool) -> None:
    """`end` when a device was lost and no stream is in use; `hung`: one could not be closed.

    Raises DeviceError where a hung library cannot be replaced.
    """
    sd = portaudio()
    if hung or any(host["name"] == JACK for host in sd.query_hostapis()):
        _replace(sd)
    else:
        end()


def never_end() -> None:
    """Leave PortAudio as it is when the process exits: its clean-up would hang."""
    atexit.unregister(portaudio()._exit_handler)


def _replace(sd: Any) -> None:
    """A fresh copy of the library, not begun yet; the file of the copy is gone at once."""
    source = _library_file(sd)
    handle, name = tempfile.mkstemp(suffix=".so")
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        fresh = sd._ffi.dlopen(name)
        for library in (source, name):  # ctypes never unloads: JACK's threads stay in that code
            ctypes.CDLL(str(library))
    except OSError as error:
        why = f"the sound system hangs, and {source} cannot be loaded anew ({error})"
        raise DeviceError(f"{why}; start rtstem again") from None
    finally:
        Path(name).unlink(missing_ok=True)
    sd._lib, sd._initialized = fresh, 0
    never_end()  # in case it was not taken out before
    atexit.register(sd._exit_handler)


def _library_file(sd: Any) -> Path:
    """Where PortAudio was loaded from."""
    maps = Path("/proc/self/maps")
    if maps.exists():
        lines = maps.read_text().splitlines()
        found = [line.split(None, 5)[5] for line in lines if "libportaudio" in line]
        if found:
            return Path(found[0])
    return Path(sd._libname)
