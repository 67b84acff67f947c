"""How often this machine stops a processor although a thread of the highest priority wants it.

One small process a processor sleeps 2 ms at a time with priority 90 (above the sound server) and
notes how much later it wakes. What it sees is the host's or hypervisor's doing: no program on this
machine could have avoided it, and an audio thread on that processor was stopped as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from .child import Child, input_ended

PRIORITY = 90
SLEEP_SECONDS = 0.002
STALL_SECONDS = 0.001  # later than this counts


@dataclass(frozen=True)
class Stalls:
    """What the watchers saw, milliseconds; without `real_time` rights other programs count as well."""

    count: int
    longest_ms: float
    real_time: bool


class StallMonitor:
    """Watches all processors for the length of a `with` block; then see `seen`.

    `seen` is None where there is nothing to watch them with (macOS, Windows).
    """

    seen: Stalls | None = None

    def __enter__(self) -> StallMonitor:
        cpus = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
        self._watchers = [Child("stalls", cpu) for cpu in cpus]
        return self

    def __exit__(self, *_exc: object) -> None:
        told = [watcher.end() for watcher in self._watchers]
        watchers = [json.loads(text) for text in told if text]
        if watchers:
            self.seen = Stalls(
                sum(watcher["count"] for watcher in watchers),
                max(watcher["longest_ms"] for watcher in watchers),
                all(watcher["real_time"] for watcher in watchers),
            )


def watch(cpu: int) -> dict[str, Any]:
    """Until standard input ends: how often this thread woke over 1 ms late, and the worst in ms."""
    os.sched_setaffinity(0, {cpu})
    ended, real_time = input_ended(), False
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        real_time = True
    count, longest = 0, 0.0
    while not ended.is_set():
        due = time.monotonic() + SLEEP_SECONDS
        time.sleep(SLEEP_SECONDS)
        over = time.monotonic() - due
        count += over > STALL_SECONDS
        longest = max(longest, over)
    return {"count": count, "longest_ms": round(1000 * longest, 2), "real_time": real_time}


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]))))
