"""engine_child.py that also tells its processor time and memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "audio"))

import engine_child
from threads import thread_seconds


def used(_engine: Any) -> dict[str, Any]:
    """Seconds of processor time of each thread so far."""
    return dict(thread_seconds())


def memory(_engine: Any) -> dict[str, Any]:
    """MB in physical memory, and of it what belongs to no file."""
    return resident()


def resident() -> dict[str, float]:
    """MB of this process: {"resident": ..., "own": ...}; own is what no file on disk holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Rss")}
    (total,) = (int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    own = int(kilobytes["RssAnon"])
    return {"resident": round(total / 1024, 1), "own": round(own / 1024, 1)}


engine_child.COMMANDS |= {"used": used, "memory": memory}

if __name__ == "__main__":
    sys.exit(engine_child.main())
