"""The processor played as a device of its own: separate memory, copies by a C function, recorded runs.

    monkeypatch.setitem(PROVIDERS, "loopback", loopback())
    Separator(spec, "loopback")

goes the road of a GPU in all but the provider: ONNX Runtime's CPU works on the "device's" memory.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numba import carray, cfunc

from rtstem.rt.memory import ALIGNED, DeviceMemory
from rtstem.rt.native import as_pointer
from rtstem.rt.providers import Provider

copies = np.zeros(1, np.int64)  # made so far
failing = np.zeros(1, np.int64)  # of this many to come
_COPIES, _FAILING = copies.ctypes.data, failing.ctypes.data


@cfunc("int64(int64, int64, int64, int64)")
def _copy(destination, source, size, kind):  # type: ignore[no-untyped-def]  # compiled
    made = carray(as_pointer(_COPIES), (1,), np.int64)
    to_fail = carray(as_pointer(_FAILING), (1,), np.int64)
    if to_fail[0] > 0:
        to_fail[0] -= 1
        return (kind << 32) + 700  # an int is 32 bits wide: what is above does not count
    made[0] += 1
    to = carray(as_pointer(destination), (size,), np.uint8)
    to[:] = carray(as_pointer(source), (size,), np.uint8)
    return kind << 32


class LoopbackCalls:
    """`memory.DeviceCalls` over the processor's memory; `taken` is what has not been given back."""

    name = b"Cpu"

    def __init__(self) -> None:
        self.copy = _copy.address
        self.taken: dict[int, object] = {}

    def take_pinned(self, size: int) -> int:
        buffer = ctypes.create_string_buffer(b"\xff" * (size + ALIGNED), size + ALIGNED)
        address = -(-ctypes.addressof(buffer) // ALIGNED) * ALIGNED
        self.taken[address] = buffer
        return address

    def give_pinned(self, address: int) -> None:
        del self.taken[address]

    take_device, give_device = take_pinned, give_pinned


def loopback(calls: LoopbackCalls | None = None, graphs: bool = True) -> Provider:
    """The provider; its memory is asked of `calls`."""
    return Provider(
        "CPUExecutionProvider",
        memory=lambda: DeviceMemory(calls or LoopbackCalls()),
        cure="buy another one",
        graphs=graphs,
    )
