"""Threads that treat the interpreter badly, to run beside the audio in the same process."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable


def busy() -> None:
    """Pure Python that never sleeps: holds the GIL for a switch interval at a time."""
    count = 0
    while True:
        count += 1


def json_dumps() -> None:
    """One C call that holds the GIL for its whole length (about 0.1 to 0.2 s), over and over."""
    rows = [{"id": i, "name": "x" * 20, "values": [1.5 * i] * 5} for i in range(60_000)]
    while True:
        json.dumps(rows)
        time.sleep(0.2)


def garbage() -> None:
    """Cycles for the garbage collector, beside a large live heap that it has to walk."""
    heap = [[i, [i], {"i": i}] for i in range(400_000)]
    while heap:
        for _ in range(2_000):
            loop: list[object] = []
            loop.append(loop)
            loop.append({"loop": loop})
        time.sleep(0.001)


ADVERSARIES: dict[str, Callable[[], None]] = {"busy": busy, "json": json_dumps, "gc": garbage}


def start(names: list[str]) -> None:
    """Start the named adversaries as daemon threads and let them build their heaps."""
    for name in names:
        threading.Thread(target=ADVERSARIES[name], name=name, daemon=True).start()
    if set(names) - {"busy"}:
        time.sleep(2.0)
