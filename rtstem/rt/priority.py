"""Real-time priority for the inference thread and locked memory, asked for politely.

Linux: SCHED_FIFO and mlock. macOS: THREAD_TIME_CONSTRAINT_POLICY. Windows: MMCSS "Pro Audio". What is
refused is reported in words, never an error: the engine runs without.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

FIFO_PRIORITY = 60
"""Below the threads of the sound server (JACK's clients run at its priority minus 5, often 65)."""


@dataclass(frozen=True)
class Priority:
    """How the inference thread asks for its rights: `period_ns` is a hop, `enabled` the user's wish."""

    enabled: bool
    period_ns: int

    def raise_thread(self, fifo: int = FIFO_PRIORITY) -> str:
        """Raise the calling thread (`fifo`: SCHED_FIFO priority); returns what was granted."""
        if not self.enabled:
            return "normal priority (switched off)"
        system = platform.system()
        if system == "Windows":
            return _mmcss()
        if system == "Darwin":
            return _time_constraint(self.period_ns)
        return _fifo(fifo)


def _fifo(level: int) -> str:
    try:
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(level))
    except (OSError, AttributeError):
        return "normal priority (real-time refused: see `rtstem doctor`)"
    return f"SCHED_FIFO {level}"


def _time_constraint(period_ns: int) -> str:
    """mach/thread_policy.h: flavour 2 with period, computation, constraint, preemptible."""
    libc = ctypes.CDLL(None)
    timebase = (ctypes.c_uint32 * 2)()
    libc.mach_timebase_info(timebase)
    ticks = period_ns * timebase[1] // max(1, timebase[0])
    policy = (ctypes.c_uint32 * 4)(ticks, ticks // 2, ticks, 1)
    libc.pthread_mach_thread_np.restype = ctypes.c_uint32
    libc.pthread_self.restype = ctypes.c_void_p
    port = libc.pthread_mach_thread_np(ctypes.c_void_p(libc.pthread_self()))
    if libc.thread_policy_set(port, 2, policy, 4) != 0:
        return "normal priority (time constraint refused)"
    return "time-constraint priority"


def _mmcss() -> str:
    windll: Any = getattr(ctypes, "WinDLL")  # noqa: B009 (absent on other systems)
    avrt, task = windll("avrt"), ctypes.c_uint32()
    avrt.AvSetMmThreadCharacteristicsW.restype = ctypes.c_void_p
    if not avrt.AvSetMmThreadCharacteristicsW("Pro Audio", ctypes.byref(task)):
        return "normal priority (MMCSS refused)"
    return "MMCSS Pro Audio"


def lock_memory(arrays: Iterable[npt.NDArray[Any]]) -> str:
    """Keep the arrays in physical memory; returns what was granted."""
    regions = [(ctypes.c_void_p(a.ctypes.data), ctypes.c_size_t(a.nbytes)) for a in arrays]
    if platform.system() == "Windows":
        kernel = getattr(ctypes, "WinDLL")("kernel32")  # noqa: B009
        locked = all(kernel.VirtualLock(*region) for region in regions)
    else:
        libc = ctypes.CDLL(None, use_errno=True)
        locked = all(libc.mlock(*region) == 0 for region in regions)
    return "memory locked" if locked else "memory not locked (limit too low)"
