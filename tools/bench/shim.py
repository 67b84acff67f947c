"""Times every PortAudio callback of this process from outside, through the compiled shim.c.

`CallbackTimer.install()` replaces PortAudio's open function in sounddevice, so that whatever opens
a stream afterwards (the engine, a plain sounddevice.Stream) has the shim around its callback.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

_SOURCE = Path(__file__).with_name("shim.c")
_LOG_ROWS = 1 << 18  # ten minutes at 128 frames and 48 kHz
_GAP_BLOCKS = 1.5
_INNER, _INNER_DATA, _CAPACITY, _CALLS, _LOG, _FLAGGED = range(6)


class NoCompilerError(RuntimeError):
    """No C compiler: the shim cannot be built."""


def build_shim() -> ctypes.CDLL:
    """Compile shim.c into a temporary folder and load it; raises NoCompilerError."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler (cc, gcc or clang) found")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "shim.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE)]
        subprocess.run(command, check=True)
        return ctypes.CDLL(str(library))


class _PortAudio:
    """sounddevice's handle on PortAudio with another Pa_OpenStream."""

    def __init__(self, real: Any, open_stream: Any) -> None:
        self._real = real
        self.Pa_OpenStream = open_stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class CallbackTimer:
    """The shim around the last stream opened; `durations()` while it runs or afterwards."""

    def __init__(self) -> None:
        self._shim = build_shim()
        self._log = np.zeros((_LOG_ROWS, 3), np.int64)
        self._state = np.zeros(6, np.int64)
        self._state[_CAPACITY], self._state[_LOG] = _LOG_ROWS, self._log.ctypes.data

    def install(self) -> None:
        """Put the shim around every stream that this process opens from now on."""
        import sounddevice as sd

        real, state = sd._lib, self._state
        address = ctypes.cast(self._shim.rtstem_shim, ctypes.c_void_p).value

        def open_stream(*args: Any) -> Any:
            # PaError Pa_OpenStream(stream, input, output, rate, frames, flags, callback, userData)
            *others, callback, data = args
            state[_INNER] = int(sd._ffi.cast("intptr_t", callback))
            state[_INNER_DATA] = int(sd._ffi.cast("intptr_t", data))
            outer = sd._ffi.cast("PaStreamCallback *", address)
            return real.Pa_OpenStream(*others, outer, sd._ffi.cast("void *", state.ctypes.data))

        sd._lib = _PortAudio(real, open_stream)

    def reset(self) -> None:
        """Forget what was logged; a call that is under way meanwhile may still land in the log."""
        self._state[_FLAGGED] = 0
        self._state[_CALLS] = 0

    def read(self, rate: float) -> dict[str, Any]:
        """Durations in us, missed deadlines, host flags, gaps between two callbacks.

        A gap is longer than 1.5 blocks from call to call. After a callback that took less than half
        its block it is the server's or the machine's doing, otherwise the callback may have caused it.
        """
        rows = self._log[: min(int(self._state[_CALLS]), _LOG_ROWS)]
        spent = rows[:, 1] - rows[:, 0]
        allowed = rows[:, 2] * 1e9 / rate
        gaps = np.diff(rows[:, 0])
        widest = int(gaps.argmax())
        wide = gaps > _GAP_BLOCKS * allowed[:-1]
        slow = spent[:-1] > allowed[:-1] / 2
        return {
            "durations_us": (spent / 1e3).round(1).tolist(),
            "missed_deadlines": int((spent > allowed).sum()),
            "host_flags": int(self._state[_FLAGGED]),
            "gaps": int(wide.sum()),
            "gaps_after_slow_callback": int((wide & slow).sum()),
            "widest_gap_us": round(gaps[widest] / 1e3, 1),
            "callback_before_it_us": round(spent[widest] / 1e3, 1),
        }
