"""Where a session's tensors lie: in the processor's memory, or on a device with pinned host memory.

Compiled code sees the host's side only. What a device needs of it, and gives back, is copied once a
hop by a C function that is called by its address; all memory is taken before the first hop.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
Transfer = tuple[int, int, int, int, int]
"""A copy as `hop.py` makes it: address of the function and its arguments, as those of cudaMemcpy:
destination, source, bytes, kind. A function of 0: there is nothing to copy."""
NO_TRANSFER: Transfer = (0, 0, 0, 0, 0)
ALIGNED = 256
"""Bytes: what kernels may expect of a tensor's address."""
_TO_DEVICE, _FROM_DEVICE = 1, 2  # cudaMemcpyKind


class Memory(Protocol):
    """Arrays, and where the model finds them."""

    name: bytes
    """ONNX Runtime's name for the memory that tensors are bound in."""

    def array(self, *shape: int) -> F32:
        """Zeros for the host, with a counterpart on the device."""
        ...

    def address(self, array: F32) -> int:
        """Where the model finds an array of `array`, or a part of one."""
        ...

    def upload(self, array: F32) -> Transfer:
        """The copy from the host's side to the model's."""
        ...

    def download(self, array: F32) -> Transfer:
        """The copy back."""
        ...

    def close(self) -> None:
        """Give the memory back; the arrays cannot be used afterwards."""
        ...


class HostMemory:
    """The processor's own memory: the model works on the arrays themselves."""

    name = b"Cpu"

    def array(self, *shape: int) -> F32:
        return np.zeros(shape, np.float32)

    def address(self, array: F32) -> int:
        return array.ctypes.data

    def upload(self, _array: F32) -> Transfer:
        return NO_TRANSFER

    def download(self, _array: F32) -> Transfer:
        return NO_TRANSFER

    def close(self) -> None:
        """The arrays belong to who holds them."""


class DeviceCalls(Protocol):
    """What a device's library does with memory. Addresses are of bytes; raises ModelError."""

    name: bytes
    """ONNX Runtime's name for the device's memory."""
    copy: int
    """Address of a C function with the signature of cudaMemcpy that gives 0 where all went well."""

    def take_pinned(self, size: int) -> int: ...

    def give_pinned(self, address: int) -> None: ...

    def take_device(self, size: int) -> int: ...

    def give_device(self, address: int) -> None: ...


class _Block(NamedTuple):
    host: int
    device: int
    size: int


class DeviceMemory:
    """Arrays in page-locked host memory, each with a counterpart of the same size on a device."""

    def __init__(self, calls: DeviceCalls) -> None:
        self.name, self._calls = calls.name, calls
        self._blocks: list[_Block] = []

    def array(self, *shape: int) -> F32:
        size = 4 * int(np.prod(shape))
        host = self._calls.take_pinned(size)
        try:
            device = self._calls.take_device(size)
        except Exception:
            self._calls.give_pinned(host)
            raise
        self._blocks.append(_Block(host, device, size))
        values = np.ctypeslib.as_array((ctypes.c_float * (size // 4)).from_address(host))
        values[:] = 0
        return values.reshape(shape)

    def address(self, array: F32) -> int:
        start = array.ctypes.data
        for block in self._blocks:
            if block.host <= start < block.host + block.size:
                return block.device + start - block.host
        raise ValueError("the array is not of this memory")

    def upload(self, array: F32) -> Transfer:
        return self._calls.copy, self.address(array), array.ctypes.data, array.nbytes, _TO_DEVICE

    def download(self, array: F32) -> Transfer:
        return self._calls.copy, array.ctypes.data, self.address(array), array.nbytes, _FROM_DEVICE

    def close(self) -> None:
        for block in self._blocks:
            self._calls.give_pinned(block.host)
            self._calls.give_device(block.device)
        self._blocks.clear()


def aligned(sizes: Sequence[int]) -> list[int]:
    """Offsets at which tensors of `sizes` float32 values lie in one array, then its whole size."""
    step = ALIGNED // 4
    return [0, *np.cumsum([-(-size // step) * step for size in sizes]).tolist()]
