"""NVIDIA's CUDA: whether it is here, how a session is told to use it, and its memory.

docs/gpu.md says what of it has run and what has not.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import io
import platform

from ..errors import ModelError
from .ort_api import OrtApi

NAME = "CUDAExecutionProvider"
INSTALL = 'pip install "onnxruntime-gpu[cuda,cudnn]"'
OPTIONS = {
    "device_id": "0",
    "arena_extend_strategy": "kSameAsRequested",  # a model of a few MB takes no more of the card
    "cudnn_conv_algo_search": "EXHAUSTIVE",  # once, while it warms up: all shapes are fixed
    "do_copy_in_default_stream": "1",
    "use_tf32": "0",  # nothing to gain with one hop at a time, and the stems are the CPU's
}


def lack() -> str:
    """What CUDA needs and does not find, with the cure; empty where it may be tried."""
    if not gpu_present():
        return "no NVIDIA driver answers; install the driver of the card, or use cpu"
    import onnxruntime

    if NAME not in onnxruntime.get_available_providers():
        return f"the onnxruntime that is installed has no CUDA; pip uninstall onnxruntime, then {INSTALL}"
    return ""


@functools.cache
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


def append(api: OrtApi, options: ctypes.c_void_p, graph: bool) -> None:
    """Let sessions made with `options` use CUDA; `graph`: all kernels of a hop as one launch.

    Raises ModelError where CUDA or cuDNN does not load.
    """
    import onnxruntime

    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
        onnxruntime.preload_dlls()  # CUDA and cuDNN from their wheels, where installed
    cuda = ctypes.c_void_p()
    api.call("CreateCUDAProviderOptions", ctypes.byref(cuda))
    try:
        chosen = OPTIONS | {"enable_cuda_graph": str(int(graph))}
        keys = (ctypes.c_char_p * len(chosen))(*(key.encode() for key in chosen))
        values = (ctypes.c_char_p * len(chosen))(*(value.encode() for value in chosen.values()))
        api.call(
            "UpdateCUDAProviderOptions",
            cuda,
            ctypes.c_void_p(ctypes.addressof(keys)),
            ctypes.c_void_p(ctypes.addressof(values)),
            ctypes.c_size_t(len(chosen)),
        )
        api.call("SessionOptionsAppendExecutionProvider_CUDA_V2", options, cuda)
    finally:
        api.release("ReleaseCUDAProviderOptions", cuda)


class CudaCalls:
    """The CUDA runtime that ONNX Runtime uses (`memory.DeviceCalls`), on its device 0.

    `cudaMemcpy` returns when the copy is done, and `RunWithBinding` when the GPU is: no stream has to
    be waited for.
    """

    name = b"Cuda"

    def __init__(self) -> None:
        """Raises ModelError where the library does not load."""
        from onnxruntime.capi.build_and_package_info import cuda_version

        major = cuda_version.partition(".")[0]
        windows = platform.system() == "Windows"
        library = f"cudart64_{major}.dll" if windows else f"libcudart.so.{major}"
        try:
            self._runtime = ctypes.CDLL(library)
        except OSError:
            raise ModelError(f"{library} does not load") from None
        self._runtime.cudaGetErrorString.restype = ctypes.c_char_p
        self.copy = ctypes.cast(self._runtime.cudaMemcpy, ctypes.c_void_p).value or 0

    def take_pinned(self, size: int) -> int:
        address = ctypes.c_void_p()
        self._call("cudaHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), ctypes.c_uint(0))
        return address.value or 0

    def give_pinned(self, address: int) -> None:
        self._runtime.cudaFreeHost(ctypes.c_void_p(address))

    def take_device(self, size: int) -> int:
        address = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value or 0

    def give_device(self, address: int) -> None:
        self._runtime.cudaFree(ctypes.c_void_p(address))

    def _call(self, name: str, *args: object) -> None:
        result = getattr(self._runtime, name)(*args)
        if result:
            text = self._runtime.cudaGetErrorString(result) or b""
            raise ModelError(f"{name}: {text.decode(errors='replace')}")
