"""An engine that tells its memory at each step of its life, as JSON lines, for memory.py.

python tools/bench/memory_child.py CONFIG_AS_JSON MINUTE...
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

_READ = {"VmRSS": "resident MB", "RssAnon": "own MB"}


def resident() -> dict[str, float]:
    """MB of this process in memory, and of it its own: what no file on disk holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = {
        name: int(line.split()[1]) for line in lines if (name := line.split(":")[0]) in _READ
    }
    return {mb: round(kilobytes[name] / 1024, 2) for name, mb in _READ.items()}


def tell(step: str, minutes: float | None = None) -> None:
    print(json.dumps({"step": step, "minutes": minutes} | resident()), flush=True)


def main(config: str, minutes: list[float]) -> None:
    """Import, load, start, play until the last of `minutes`."""
    tell("Python")
    from rtstem import Engine

    tell("rtstem imported")
    engine = Engine(json.loads(config))
    tell("model loaded")
    with engine:
        tell("playing", 0.0)
        began = time.monotonic()
        for minute in minutes:
            time.sleep(max(0.0, began + 60 * minute - time.monotonic()))
            tell(f"{minute:g} min", minute)


if __name__ == "__main__":
    main(sys.argv[1], [float(text) for text in sys.argv[2:]])
