"""ONNX Runtime by its C API: a session whose `Run` can be called from code that holds no GIL.

The shared library is the one inside the onnxruntime wheel. All tensors are preallocated numpy arrays
bound without a copy. Slots of the OrtApi table are from onnxruntime_c_api.h; the table only grows, so
they hold for every later version.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import io
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError

API_VERSION = 17
LOG_FATAL = 4
_FLOAT = 1  # ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
_SLOTS = {
    "GetErrorMessage": 2,
    "CreateEnv": 3,
    "CreateSessionFromArray": 8,
    "Run": 9,
    "CreateSessionOptions": 10,
    "SetIntraOpNumThreads": 24,
    "SetInterOpNumThreads": 25,
    "CreateTensorWithDataAsOrtValue": 49,
    "CreateCpuMemoryInfo": 69,
    "ReleaseEnv": 92,
    "ReleaseStatus": 93,
    "ReleaseMemoryInfo": 94,
    "ReleaseSession": 95,
    "ReleaseValue": 96,
    "ReleaseSessionOptions": 100,
    "AddSessionConfigEntry": 130,
    "SessionOptionsAppendExecutionProvider_CUDA_V2": 204,
    "CreateCUDAProviderOptions": 205,
    "ReleaseCUDAProviderOptions": 208,
}
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
Arrays = Mapping[str, npt.NDArray[np.float32]]


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


def gpu_present() -> bool:
    """True where an NVIDIA driver answers (asked without loading any CUDA library of the wheel)."""
    name = "nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return False
    count = ctypes.c_int()
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
    )


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
        return line[0] if line else "unknown ONNX Runtime error"


def _c_type(value: Any) -> Any:
    return ctypes.c_void_p if type(value).__name__ == "CArgObject" else type(value)


class OrtSession:
    """A session with two sets of bound tensors, used in turn: the states that one `Run` writes are
    the ones that the next reads, without a copy.

    `calls` is int64 [2, 10], for even and odd hops: the addresses of `Run` and its eight arguments,
    then of `ReleaseStatus`.
    """

    def __init__(
        self,
        model: bytes,
        even: tuple[Arrays, Arrays],
        odd: tuple[Arrays, Arrays],
        provider: str = "auto",
        threads: int = 1,
    ) -> None:
        """Create the session; `even` and `odd` are (inputs, outputs) by name.

        `provider` is auto (CUDA where a GPU answers, else CPU), cuda or cpu. Raises ModelError.
        """
        self.api = OrtApi()
        self._env, self._session, self._memory = (ctypes.c_void_p() for _ in range(3))
        self._values: list[ctypes.c_void_p] = []
        self._keep: list[Any] = [model, even, odd]
        self.api.call(
            "CreateEnv",
            ctypes.c_int(LOG_FATAL),
            ctypes.c_char_p(b"rtstem"),
            ctypes.byref(self._env),
        )
        self.api.call(
            "CreateCpuMemoryInfo", ctypes.c_int(1), ctypes.c_int(0), ctypes.byref(self._memory)
        )
        self.provider = self._open(model, provider, threads)
        self.calls = np.array([self._bind(*even), self._bind(*odd)], np.int64)

    def _open(self, model: bytes, provider: str, threads: int) -> str:
        gpu = provider != "cpu" and gpu_present()
        if provider == "cuda" and not gpu:
            raise ModelError("provider cuda: no NVIDIA driver answers; install it or use cpu")
        if gpu:
            try:
                self._create(model, threads, cuda=True)
                return CUDA
            except ModelError as error:
                if provider == "cuda":
                    raise ModelError(f"provider cuda does not start ({error}); use cpu") from None
        self._create(model, threads, cuda=False)
        return CPU

    def _create(self, model: bytes, threads: int, cuda: bool) -> None:
        options = ctypes.c_void_p()
        self.api.call("CreateSessionOptions", ctypes.byref(options))
        try:
            self.api.call("SetIntraOpNumThreads", options, ctypes.c_int(threads))
            self.api.call("SetInterOpNumThreads", options, ctypes.c_int(1))
            # Denormals are flushed by the thread that calls Run: the session's own option for it
            # would change the mode of the thread that creates the session, for good.
            self.api.call(
                "AddSessionConfigEntry",
                options,
                ctypes.c_char_p(b"session.intra_op.allow_spinning"),
                ctypes.c_char_p(b"0"),
            )
            if cuda:
                self._append_cuda(options)
            self.api.call(
                "CreateSessionFromArray",
                self._env,
                ctypes.c_char_p(model),
                ctypes.c_size_t(len(model)),
                options,
                ctypes.byref(self._session),
            )
        finally:
            self.api.release("ReleaseSessionOptions", options)

    def _append_cuda(self, options: ctypes.c_void_p) -> None:
        import onnxruntime

        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
            onnxruntime.preload_dlls()  # CUDA and cuDNN from their wheels, where installed
        cuda = ctypes.c_void_p()
        self.api.call("CreateCUDAProviderOptions", ctypes.byref(cuda))
        try:
            self.api.call("SessionOptionsAppendExecutionProvider_CUDA_V2", options, cuda)
        finally:
            self.api.release("ReleaseCUDAProviderOptions", cuda)

    def _tensor(self, array: npt.NDArray[np.float32]) -> int:
        value, shape = ctypes.c_void_p(), np.array(array.shape, np.int64)
        self.api.call(
            "CreateTensorWithDataAsOrtValue",
            self._memory,
            ctypes.c_void_p(array.ctypes.data),
            ctypes.c_size_t(array.nbytes),
            ctypes.c_void_p(shape.ctypes.data),
            ctypes.c_size_t(array.ndim),
            ctypes.c_int(_FLOAT),
            ctypes.byref(value),
        )
        self._values.append(value)
        return value.value or 0

    def _bind(self, inputs: Arrays, outputs: Arrays) -> Sequence[int]:
        tables = []
        for arrays in (inputs, outputs):
            names = (ctypes.c_char_p * len(arrays))(*[name.encode() for name in arrays])
            values = np.array([self._tensor(array) for array in arrays.values()], np.int64)
            self._keep += [names, values]
            tables.append((ctypes.addressof(names), values.ctypes.data, len(arrays)))
        (in_names, in_values, n_in), (out_names, out_values, n_out) = tables
        run = self.api.address("Run")
        session = self._session.value or 0
        call = [run, session, 0, in_names, in_values, n_in, out_names, n_out, out_values]
        return [*call, self.api.address("ReleaseStatus")]

    def close(self) -> None:
        """Release everything; the session cannot be used afterwards."""
        for value in self._values:
            self.api.release("ReleaseValue", value)
        self._values.clear()
        self.api.release("ReleaseSession", self._session)
        self.api.release("ReleaseMemoryInfo", self._memory)
        self.api.release("ReleaseEnv", self._env)
        self._session, self._memory, self._env = (ctypes.c_void_p() for _ in range(3))
