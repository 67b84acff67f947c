"""What the machine can tell of itself while it soaks: memory, heat, clock, stolen time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_LOOKS, _PAUSE_SECONDS = 5, 0.003
_THROTTLE = "cpu[0-9]*/thermal_throttle/core_throttle_count"


@dataclass(frozen=True)
class Machine:
    """One look; None for what this machine does not tell."""

    rss_mb: float
    """Memory of this process in MiB: the least of a few looks, since the load takes and gives back."""
    threads: int
    celsius: float | None
    mhz: float | None
    throttled: int | None
    """Times a processor has slowed down for its heat, since the machine was started."""
    stolen_seconds: float | None
    """Processor time that a hypervisor gave to others, all processors together."""


_process = psutil.Process()


def _quietly(ask: Callable[[], Any]) -> Any:
    """What `ask` gives; None where this system has no answer."""
    try:
        return ask()
    except (OSError, RuntimeError, NotImplementedError):
        return None


def look() -> Machine:
    """Read everything; takes some 20 ms."""
    frequency = _quietly(psutil.cpu_freq) if hasattr(psutil, "cpu_freq") else None
    return Machine(
        rss_mb=_least_rss(),
        threads=_process.num_threads(),
        celsius=_hottest(),
        mhz=frequency.current if frequency else None,
        throttled=_throttled(),
        stolen_seconds=getattr(psutil.cpu_times(), "steal", None),
    )


def _least_rss() -> float:
    least = _process.memory_info().rss
    for _ in range(_LOOKS - 1):
        time.sleep(_PAUSE_SECONDS)
        least = min(least, _process.memory_info().rss)
    return float(least) / (1 << 20)


def _hottest() -> float | None:
    """The hottest sensor of a processor, else of anything, in degrees Celsius."""
    sensors = (
        _quietly(psutil.sensors_temperatures) if hasattr(psutil, "sensors_temperatures") else {}
    )
    chips = {
        name: [s.current for s in found if s.current] for name, found in (sensors or {}).items()
    }
    processors = [t for name in ("coretemp", "k10temp", "cpu_thermal") for t in chips.get(name, [])]
    return max(processors or [t for found in chips.values() for t in found], default=None)


def _throttled() -> int | None:
    counts = []
    for path in Path("/sys/devices/system/cpu").glob(_THROTTLE):
        try:
            counts.append(int(path.read_text()))
        except (OSError, ValueError):
            continue
    return sum(counts) if counts else None
