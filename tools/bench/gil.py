"""Why the callback is compiled: the engine against a plain Python callback, the same adversary.

    python tools/bench/gil.py [--seconds 15] [--period 128] [--load busy] [--json]

The plain one is what sounddevice's manual shows: a Python function that copies a NumPy block. Both
are timed by the same compiled shim, so the time spent waiting for the GIL counts. Needs a C
compiler.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import common
import jack_run
from common import Limit

from rtstem.load.adversaries import ADVERSARIES

HERE = Path(__file__).parent
PROGRAMS = {"rtstem": HERE / "loaded_child.py", "plain Python": HERE / "plain_child.py"}


def run_one(name: str, options: Any, load: list[str]) -> dict[str, Any]:
    """One program under one load; a row of microseconds and failures."""
    with jack_run.Session(options.rate, options.period, options.seconds, PROGRAMS[name]) as run:
        run.engine.ask("load", names=load)
        skipped = run.rig.skipped
        run.rig.sleep(options.seconds)
        log = run.engine.ask("callbacks")
        lost = (run.rig.skipped - skipped) // options.period
    head = {"callback": name, "load": "+".join(load) or "none", "unit": "us"}
    failures = {"missed deadlines": log["missed_deadlines"], "lost cycles": lost}
    return head | common.percentiles(log["durations_us"]) | failures


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--period", type=int, default=128)
    parser.add_argument("--load", nargs="*", choices=list(ADVERSARIES), default=["busy"])
    options = parser.parse_args()
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        raise SystemExit("this benchmark needs a C compiler (cc, gcc or clang)")
    rows = [run_one(name, options, load) for name in PROGRAMS for load in ([], options.load)]
    ours = next(row for row in rows if row["callback"] == "rtstem" and row["load"] != "none")
    return common.report(
        rows,
        [Limit("rtstem: missed deadlines under load", ours["missed deadlines"], 0)],
        options.json,
        stream=f"{options.seconds:g} s each, {options.rate} Hz, period {options.period}",
    )


if __name__ == "__main__":
    sys.exit(main())
