"""What the machine itself grants: real-time rights, locked memory, caches, processor, memory."""

from __future__ import annotations

import os
import platform
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import ConfigError

Status = Literal["ok", "warn", "fail"]
MEMORY_WANTED_MIB = 700
LOCK_WANTED_MIB = 8
_LIMITS_CURE = (
    "as root write '@audio - rtprio 95' and '@audio - memlock unlimited' to "
    "/etc/security/limits.d/audio.conf, run `adduser $USER audio`, log in again"
)


@dataclass(frozen=True)
class Check:
    """One line of the report: `cure` says what to do and is empty where all is well."""

    name: str
    status: Status
    found: str
    cure: str = ""


def check_realtime() -> list[Check]:
    """Whether the inference thread can get real-time priority and locked memory."""
    if platform.system() != "Linux":
        how = "MMCSS" if platform.system() == "Windows" else "time-constraint policy"
        return [Check("real time", "ok", f"{how}, no rights needed")]
    import resource

    allowed = _try_fifo()
    limit = _readable_limit(resource.getrlimit(resource.RLIMIT_RTPRIO)[0])
    found = f"SCHED_FIFO {'granted' if allowed else 'refused'}, rtprio limit {limit}"
    priority = Check(
        "real time", "ok" if allowed else "warn", found, "" if allowed else _LIMITS_CURE
    )
    lock = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    enough = lock == resource.RLIM_INFINITY or lock >= LOCK_WANTED_MIB << 20 or os.geteuid() == 0
    found = f"limit {_readable_limit(lock, 1 << 20)} MiB" + (" (root)" if os.geteuid() == 0 else "")
    return [
        priority,
        Check("memory lock", "ok" if enough else "warn", found, "" if enough else _LIMITS_CURE),
    ]


def _readable_limit(value: int, unit: int = 1) -> str:
    return "unlimited" if value < 0 or value >= 1 << 62 else str(value // unit)


def _try_fifo() -> bool:
    """Ask for the priority in a thread of its own, which then ends."""
    granted = []

    def ask() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
            granted.append(True)
        except OSError:
            pass

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    return bool(granted)


def check_numba_cache() -> list[Check]:
    """Where the compiled hot path is kept, whether it can be written and whether it is there."""
    from .rt.jit import cache_dir, is_warm
    from .rt.private_folder import keep_private

    folder = cache_dir()
    try:
        keep_private(folder)
    except ConfigError as error:
        found, _, cure = str(error).rpartition("; ")
        return [Check("numba cache", "fail", found, cure)]
    place = next(p for p in (folder, *folder.parents) if p.is_dir())
    if not os.access(place, os.W_OK):
        cure = "every start compiles anew: set NUMBA_CACHE_DIR to a folder that you may write"
        return [Check("numba cache", "warn", f"{folder} is read-only", cure)]
    if not is_warm():
        cure = "the first start compiles for a minute; `rtstem demo` does it once and for all"
        return [Check("numba cache", "warn", f"{folder} is empty", cure)]
    return [Check("numba cache", "ok", f"compiled, in {folder}")]


def check_processor() -> list[Check]:
    """Number of cores, and the frequency governor where the system shows it."""
    cores = os.cpu_count() or 1
    found = f"{cores} core{'s' if cores > 1 else ''}"
    paths = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    governors = sorted({path.read_text().strip() for path in paths})
    if governors:
        found += f", governor {', '.join(governors)}"
    if cores < 2:
        cure = "one core must carry sound server, separation and screen: use a larger block"
        return [Check("processor", "warn", found, cure)]
    if "powersave" in governors:
        cure = "clock changes cause late hops: `cpupower frequency-set -g performance` as root"
        return [Check("processor", "warn", found, cure)]
    return [Check("processor", "ok", found)]


def check_memory() -> list[Check]:
    """Free memory, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) // 1024 for line in lines if "MemAvailable" in line)
    except (OSError, StopIteration):
        return []
    if free < MEMORY_WANTED_MIB:
        cure = f"close programs: the engine wants about {MEMORY_WANTED_MIB} MiB, never from swap"
        return [Check("memory", "warn", f"{free} MiB free", cure)]
    return [Check("memory", "ok", f"{free} MiB free")]
