"""ONNX Runtime's C API: the function table of the shared library inside the onnxruntime wheel.

Slots of the OrtApi table are from onnxruntime_c_api.h; the table only grows, so they hold for every
later version.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import re
from pathlib import Path
from typing import Any

from ..errors import ModelError

API_VERSION = 17
_SLOTS = {
    "GetErrorMessage": 2,
    "CreateEnv": 3,
    "CreateSessionFromArray": 8,
    "CreateSessionOptions": 10,
    "SetIntraOpNumThreads": 24,
    "SetInterOpNumThreads": 25,
    "CreateRunOptions": 39,
    "CreateTensorWithDataAsOrtValue": 49,
    "CreateMemoryInfo": 68,
    "ReleaseEnv": 92,
    "ReleaseStatus": 93,
    "ReleaseMemoryInfo": 94,
    "ReleaseSession": 95,
    "ReleaseValue": 96,
    "ReleaseRunOptions": 97,
    "ReleaseSessionOptions": 100,
    "AddSessionConfigEntry": 130,
    "RunWithBinding": 133,
    "CreateIoBinding": 134,
    "ReleaseIoBinding": 135,
    "BindInput": 136,
    "BindOutput": 137,
    "AddRunConfigEntry": 165,
    "SessionOptionsAppendExecutionProvider_CUDA_V2": 204,
    "CreateCUDAProviderOptions": 205,
    "UpdateCUDAProviderOptions": 206,
    "ReleaseCUDAProviderOptions": 208,
}
_SOURCE = re.compile(r"^.*\[ONNXRuntimeError\] : \d+ : \w+ : ")  # where in its source it failed


def library_path() -> Path:
    """The shared library of the installed onnxruntime wheel; ModelError where there is none."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise ModelError("onnxruntime is not installed; run: pip install onnxruntime")
    pattern = {"Windows": "onnxruntime.dll", "Darwin": "libonnxruntime*.dylib"}.get(
        platform.system(), "libonnxruntime.so*"
    )
    found = sorted((Path(spec.origin).parent / "capi").glob(pattern))
    if not found:
        raise ModelError("onnxruntime's shared library is missing; reinstall onnxruntime")
    return found[0]


class OrtApi:
    """The C API's function table."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(str(library_path()))
        self._library.OrtGetApiBase.restype = ctypes.POINTER(ctypes.c_void_p)
        get_api = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)(
            self._library.OrtGetApiBase()[0] or 0
        )
        table = get_api(API_VERSION)
        if not table:
            raise ModelError("this onnxruntime is too old; run: pip install -U onnxruntime")
        self._table = ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))

    def address(self, name: str) -> int:
        """Address of an entry."""
        return self._table[_SLOTS[name]] or 0

    def call(self, name: str, *args: Any) -> None:
        """Call an entry that returns a status; ModelError with the message where it is not OK."""
        kinds = [a if isinstance(a, type) else _c_type(a) for a in args]
        status = ctypes.CFUNCTYPE(ctypes.c_void_p, *kinds)(self.address(name))(*args)
        if status:
            raise ModelError(self.take_message(status))

    def release(self, name: str, handle: ctypes.c_void_p | int | None) -> None:
        """Call a `Release...` entry."""
        if handle:
            ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.address(name))(handle)

    def take_message(self, status: int) -> str:
        """The first line of an OrtStatus, which is released."""
        text = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(self.address("GetErrorMessage"))(
            status
        )
        line = (text or b"").decode(errors="replace").strip().splitlines()
        self.release("ReleaseStatus", status)
        return _SOURCE.sub("", line[0]) if line else "unknown ONNX Runtime error"


def _c_type(value: Any) -> Any:
    return ctypes.c_void_p if type(value).__name__ == "CArgObject" else type(value)
