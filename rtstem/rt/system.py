"""Addresses of the operating system's clock, semaphore and sleep, for code that holds no GIL.

One triple of C functions each for Linux (clock_gettime, sem_t), macOS (clock_gettime,
dispatch_semaphore) and Windows (QueryPerformanceCounter, Semaphore objects). All of them are safe to
call in an audio callback; the wait is only used by the inference thread.
"""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass

import numpy as np

from .jit import compiled
from .native import call3


@dataclass(frozen=True)
class SystemCalls:
    """C function addresses and their fixed arguments, as plain integers.

    `clock(clock_id or scratch, scratch)` fills two int64: (seconds, nanoseconds), or (ticks, -)
    where `clock_hz` is not 0. `post(semaphore, 1, 0)` and `wait(semaphore, forever, 0)`.
    """

    clock: int
    clock_id: int
    clock_hz: int
    post: int
    wait: int
    forever: int
    semaphore: int
    sleep: int
    keep: tuple[object, ...]


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def system_calls() -> SystemCalls:
    """Look the functions up and make one fresh semaphore with count 0.

    Raises OSError where the C library lacks one of them.
    """
    system = platform.system()
    if system == "Windows":
        return _windows()
    libc = ctypes.CDLL(None, use_errno=True)
    if system == "Darwin":
        libc.dispatch_semaphore_create.restype = ctypes.c_void_p
        handle = libc.dispatch_semaphore_create(ctypes.c_long(0))
        post, wait, clock_id = libc.dispatch_semaphore_signal, libc.dispatch_semaphore_wait, 6
        keep: tuple[object, ...] = (libc,)
    else:
        memory = np.zeros(8, np.int64)  # sem_t is 32 bytes on 64-bit Linux
        handle = memory.ctypes.data
        if libc.sem_init(ctypes.c_void_p(handle), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "sem_init failed")
        post, wait, clock_id = libc.sem_post, libc.sem_wait, 1
        keep = (libc, memory)
    return SystemCalls(
        clock=_address(libc.clock_gettime),
        clock_id=clock_id,
        clock_hz=0,
        post=_address(post),
        wait=_address(wait),
        forever=-1,
        semaphore=int(handle),
        sleep=_address(libc.nanosleep),
        keep=keep,
    )


def _windows() -> SystemCalls:
    kernel = ctypes.WinDLL("kernel32")
    frequency = ctypes.c_int64()
    kernel.QueryPerformanceFrequency(ctypes.byref(frequency))
    kernel.CreateSemaphoreW.restype = ctypes.c_void_p
    handle = kernel.CreateSemaphoreW(None, 0, 1 << 30, None)
    return SystemCalls(
        clock=_address(kernel.QueryPerformanceCounter),
        clock_id=-1,
        clock_hz=frequency.value,
        post=_address(kernel.ReleaseSemaphore),
        wait=_address(kernel.WaitForSingleObject),
        forever=0xFFFFFFFF,
        semaphore=int(handle),
        sleep=_address(kernel.Sleep),
        keep=(kernel,),
    )


@compiled
def now_ns(clock, clock_id, clock_hz, scratch):
    """Monotonic time in nanoseconds; `scratch` is an int64[2] of the calling thread's own."""
    address = scratch.ctypes.data
    call3(clock, address if clock_id < 0 else clock_id, address, 0)
    if clock_hz > 0:
        whole, part = divmod(scratch[0], clock_hz)
        return whole * 1_000_000_000 + part * 1_000_000_000 // clock_hz
    return scratch[0] * 1_000_000_000 + scratch[1]


@compiled
def sleep_ns(sleep, clock_hz, nanoseconds, scratch):
    """Sleep about `nanoseconds`; `scratch` is an int64[2] of the calling thread's own."""
    if clock_hz > 0:  # Windows: Sleep takes milliseconds
        call3(sleep, max(1, nanoseconds // 1_000_000), 0, 0)
        return
    scratch[0] = nanoseconds // 1_000_000_000
    scratch[1] = nanoseconds % 1_000_000_000
    call3(sleep, scratch.ctypes.data, 0, 0)
