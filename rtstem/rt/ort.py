"""An ONNX Runtime session by its C API, whose run can be called from code that holds no GIL.

All tensors are preallocated where the provider wants them (`memory.py`) and bound once: a hop neither
allocates tensors nor names them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError, ProviderError
from .memory import Memory
from .ort_api import OrtApi
from .providers import PROVIDERS

LOG_FATAL = 4
_FLOAT = 1  # ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
_DEVICE_ALLOCATOR, _DEFAULT_MEMORY = 0, 0  # OrtDeviceAllocator, OrtMemTypeDefault
Arrays = Mapping[str, npt.NDArray[np.float32]]


class OrtSession:
    """A session with two sets of bound tensors, used in turn: the states that one run writes are
    the ones that the next reads, without a copy.
    """

    def __init__(self, model: bytes, provider: str, threads: int = 1, graph: bool = False) -> None:
        """Create the session; `provider` is a key of PROVIDERS, `graph`: with recorded launches.

        Raises ModelError, or ProviderError where it is not the model's doing.
        """
        self.key, self._provider, self.graph = provider, PROVIDERS[provider], graph
        lack = self._provider.lack()
        if lack:
            raise ProviderError(f"provider {provider}: {lack}")
        self.api = OrtApi()
        self._env, self._session, self._info = (ctypes.c_void_p() for _ in range(3))
        self._handles: list[tuple[str, ctypes.c_void_p]] = []
        self._model = model
        self._memory: Memory | None = None
        try:
            self._create(threads)
            self._memory = self._provider.memory()
        except ModelError as error:
            self.close()
            if self._provider.append is None:
                raise
            raise ProviderError(
                f"provider {provider} does not start ({error}); {self._provider.cure}"
            ) from None

    @property
    def provider(self) -> str:
        """The name of ONNX Runtime for it."""
        return self._provider.name

    @property
    def memory(self) -> Memory:
        """Where the arrays come from that `bind` gets."""
        assert self._memory is not None
        return self._memory

    def _create(self, threads: int) -> None:
        call = self.api.call
        call(
            "CreateEnv",
            ctypes.c_int(LOG_FATAL),
            ctypes.c_char_p(b"rtstem"),
            ctypes.byref(self._env),
        )
        options = ctypes.c_void_p()
        call("CreateSessionOptions", ctypes.byref(options))
        try:
            call("SetIntraOpNumThreads", options, ctypes.c_int(threads))
            call("SetInterOpNumThreads", options, ctypes.c_int(1))
            # Denormals are flushed by the thread that calls Run: the session's own option for it
            # would change the mode of the thread that creates the session, for good.
            call(
                "AddSessionConfigEntry",
                options,
                ctypes.c_char_p(b"session.intra_op.allow_spinning"),
                ctypes.c_char_p(b"0"),
            )
            if self._provider.append is not None:
                self._provider.append(self.api, options, self.graph)
            call(
                "CreateSessionFromArray",
                self._env,
                ctypes.c_char_p(self._model),
                ctypes.c_size_t(len(self._model)),
                options,
                ctypes.byref(self._session),
            )
        finally:
            self.api.release("ReleaseSessionOptions", options)

    def bind(
        self, even: tuple[Arrays, Arrays], odd: tuple[Arrays, Arrays]
    ) -> npt.NDArray[np.int64]:
        """Bind the (inputs, outputs) of even and odd hops, arrays of `memory`, by name.

        Returns int64 [2, 5], for even and odd hops: the addresses of `RunWithBinding` and its three
        arguments, then of `ReleaseStatus`. Raises ModelError.
        """
        self.api.call(
            "CreateMemoryInfo",
            ctypes.c_char_p(self.memory.name),
            ctypes.c_int(_DEVICE_ALLOCATOR),
            ctypes.c_int(0),
            ctypes.c_int(_DEFAULT_MEMORY),
            ctypes.byref(self._info),
        )
        rows = [self._bind(side, *arrays) for side, arrays in enumerate((even, odd))]
        return np.array(rows, np.int64)

    def _bind(self, side: int, inputs: Arrays, outputs: Arrays) -> list[int]:
        binding = self._new("IoBinding", self._session)
        for entry, arrays in (("BindInput", inputs), ("BindOutput", outputs)):
            for name, array in arrays.items():
                value = self._tensor(array)
                self.api.call(entry, binding, ctypes.c_char_p(name.encode()), value)
        options = self._new("RunOptions")
        if self.graph:  # a recorded launch keeps its addresses: one for each set of tensors
            self.api.call(
                "AddRunConfigEntry",
                options,
                ctypes.c_char_p(b"gpu_graph_id"),
                ctypes.c_char_p(b"%d" % (side + 1)),
            )
        return [
            self.api.address("RunWithBinding"),
            self._session.value or 0,
            options.value or 0,
            binding.value or 0,
            self.api.address("ReleaseStatus"),
        ]

    def _new(self, kind: str, *args: Any) -> ctypes.c_void_p:
        handle = ctypes.c_void_p()
        self.api.call(f"Create{kind}", *args, ctypes.byref(handle))
        self._handles.append((f"Release{kind}", handle))
        return handle

    def _tensor(self, array: npt.NDArray[np.float32]) -> ctypes.c_void_p:
        value, shape = ctypes.c_void_p(), np.array(array.shape, np.int64)
        self.api.call(
            "CreateTensorWithDataAsOrtValue",
            self._info,
            ctypes.c_void_p(self.memory.address(array)),
            ctypes.c_size_t(array.nbytes),
            ctypes.c_void_p(shape.ctypes.data),
            ctypes.c_size_t(array.ndim),
            ctypes.c_int(_FLOAT),
            ctypes.byref(value),
        )
        self._handles.append(("ReleaseValue", value))
        return value

    def close(self) -> None:
        """Release everything, the arrays of `memory` too; may be called twice."""
        for entry, handle in reversed(self._handles):
            self.api.release(entry, handle)
        self._handles.clear()
        for entry, handle in (
            ("ReleaseMemoryInfo", self._info),
            ("ReleaseSession", self._session),
            ("ReleaseEnv", self._env),
        ):
            self.api.release(entry, handle)
            handle.value = None
        if self._memory is not None:
            self._memory.close()
