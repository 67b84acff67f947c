"""Memory of an engine: after each step of its start, while it plays, and what it grows by.

    python tools/bench/memory.py [--minutes 1 2 5] [--model live] [--json]

The engine plays on the virtual device in a process of its own. "own" is what no file on disk holds
(the rest is program code and libraries, which processes share). The growth is that from the first
to the last of the minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import common
from common import Limit
from engineprocess import child_environment, fill_compile_cache

CHILD = Path(__file__).with_name("memory_child.py")
GROWTH_LIMIT_MB = 1.0  # from the first minute to the last


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5])
    parser.add_argument("--model", default="live")
    options = parser.parse_args()
    minutes = sorted(options.minutes)
    fill_compile_cache()  # compiling takes memory that later starts do not
    audio = {"input": "virtual:silence", "output": "virtual"}
    config = json.dumps({"model": options.model, "audio": audio})
    command = [sys.executable, str(CHILD), config, *map(str, minutes)]
    told = subprocess.run(
        command, env=child_environment(None), stdout=subprocess.PIPE, text=True, check=True
    )
    rows = [json.loads(line) for line in told.stdout.splitlines()]
    first, last = rows[-len(minutes)], rows[-1]
    growth = round(last["own MB"] - first["own MB"], 2)
    span = last["minutes"] - first["minutes"]
    for row in rows:
        del row["minutes"]
    limit = Limit(f"growth in {span:g} minutes", growth, GROWTH_LIMIT_MB, "MB")
    hourly = f"{60 * growth / span:.2f} MB" if span else "give two or more --minutes"
    return common.report(rows, [limit], options.json, **{"growth an hour": hourly})


if __name__ == "__main__":
    sys.exit(main())
