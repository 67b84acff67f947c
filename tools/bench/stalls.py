"""How often this machine stops a processor although a thread of the highest priority wants it.

One small process a processor sleeps 2 ms at a time with priority 90 (above the sound server) and
notes how much later it wakes. What it sees is the host's or hypervisor's doing: no program on this
machine could have avoided it, and an audio thread on that processor was stopped as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

PRIORITY = 90
SLEEP_SECONDS = 0.002
STALL_SECONDS = 0.001  # later than this counts


class StallMonitor:
    """Watches all processors for the length of a `with` block; then see `facts`."""

    def __enter__(self) -> StallMonitor:
        self.facts: dict[str, Any] = {}
        self._watchers = [
            subprocess.Popen(
                [sys.executable, __file__, str(cpu)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for cpu in sorted(os.sched_getaffinity(0))
        ]
        return self

    def __exit__(self, *_exc: object) -> None:
        seen = [json.loads(watcher.communicate()[0]) for watcher in self._watchers]
        late = [ms for watcher in seen for ms in watcher["late_ms"]]
        self.facts = {
            "stalls_over_1_ms": len(late),
            "longest_ms": max(late, default=0.0),
            "real_time": all(watcher["real_time"] for watcher in seen),
        }


def watch(cpu: int) -> dict[str, Any]:
    """Until standard input ends: by how many ms this thread woke late, where by more than 1."""
    os.sched_setaffinity(0, {cpu})
    real_time = False
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        real_time = True
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    late = []
    while not ended.is_set():
        due = time.monotonic() + SLEEP_SECONDS
        time.sleep(SLEEP_SECONDS)
        over = time.monotonic() - due
        if over > STALL_SECONDS:
            late.append(round(1000 * over, 2))
    return {"late_ms": late, "real_time": real_time}


if __name__ == "__main__":
    print(json.dumps(watch(int(sys.argv[1]))))
