"""Processor time of each thread of this process (Linux), by what the thread is for."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)
CALLBACK = "audio callback"
NATIVE = "other native threads"


def thread_seconds() -> dict[str, float]:
    """Seconds so far, by thread name; threads of the same name are added up.

    Threads that Python did not start have no name: the one with real-time priority is the sound
    server's, which runs the audio callback.
    """
    names = {thread.native_id: _short(thread.name) for thread in threading.enumerate()}
    seconds: dict[str, float] = {}
    for task in Path("/proc/self/task").iterdir():
        number = int(task.name)
        try:
            used = int((task / "schedstat").read_text().split()[0]) / 1e9
            real_time = os.sched_getscheduler(number) & 3 in _REAL_TIME
        except (OSError, ValueError):
            continue  # a thread that has just ended
        name = names.get(number) or (CALLBACK if real_time else NATIVE)
        seconds[name] = seconds.get(name, 0.0) + used
    return seconds


def _short(name: str) -> str:
    return "main" if name == "MainThread" else name.removeprefix("rtstem-")
