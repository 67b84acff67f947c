"""The audio callback under load: the engine over jackd with adversaries in its own process.

    python tools/bench/callback.py [--seconds 60] [--period 128] [--load busy json gc] [--json]

Durations are taken by a compiled shim around the callback. Underruns are what the JACK recorder
missed, what the host flagged, and blocks for which the engine had no stems. To tell the engine's
faults from the machine's, it is also counted how often the machine itself stopped a processor
meanwhile (rtstem/load/stalls.py), and what the same server loses in as long a run with no engine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import common
import jack_run
from common import Limit

from rtstem.load.adversaries import ADVERSARIES, INTERPRETER
from rtstem.load.stalls import StallMonitor

CHILD = Path(__file__).with_name("loaded_child.py")
P999_LIMIT_US = 150.0


def measure(options: Any) -> dict[str, Any]:
    """One run: row of durations, counters from inside and outside, exactness."""
    latency = {"safety_hops": options.safety_hops}
    session = jack_run.Session(
        options.rate, options.period, options.seconds, CHILD, latency=latency, model=options.model
    )
    with session as run:
        run.engine.ask("load", names=options.load)
        with StallMonitor() as machine:
            outcome = run.stream(options.seconds)
        log = run.engine.ask("callbacks")
    durations = log.pop("durations_us")
    own = outcome.snapshot["callback_us"]
    row = common.percentiles(durations) if durations else _own_row(own)
    without = jack_run.control(options.rate, options.period, options.seconds)
    return {
        "row": row,
        "log": log,
        "outcome": outcome,
        "hello": run.hello,
        "stalls": vars(machine.seen),
        "control": without,
    }


def _own_row(own: dict[str, float]) -> dict[str, float]:
    return {"p50": own["p50"], "p99": own["p99"], "p99.9": own["p999"], "max": own["max"]}


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--period", type=int, default=128)
    parser.add_argument("--model", default="live")
    parser.add_argument("--safety-hops", type=float, default=0.5)
    parser.add_argument("--load", nargs="*", choices=list(ADVERSARIES), default=list(INTERPRETER))
    options = parser.parse_args()
    result = measure(options)
    row, log, outcome = result["row"], result["log"], result["outcome"]
    snapshot = outcome.snapshot
    missed = log.get("missed_deadlines", snapshot["deadline_misses"])
    under = max(outcome.skipped_cycles, log.get("host_flags", snapshot["xruns"]))
    limits = [
        Limit("callback p99.9", row["p99.9"], P999_LIMIT_US, "us"),
        Limit("missed deadlines", missed, 0),
        Limit("underruns (lost cycles or host flags)", under, 0),
        Limit("blocks without stems", snapshot["missed_blocks"], 0),
        Limit("bad frames", outcome.match.bad, 0),
    ]
    rows = [{"load": "+".join(options.load) or "none", "unit": "us"} | row]
    facts = {
        "stream": f"{options.seconds:g} s, {options.rate} Hz, period {options.period}",
        "engine": result["hello"],
        "callback": log,
        "server": outcome.server_facts(),
        "server without any engine, as long": result["control"],
        "the machine itself": result["stalls"],
        "late_hops": f"{snapshot['late_hops']} of {snapshot['hops']}",
        "hop_us": snapshot["hop_us"],
    }
    return common.report(rows, limits, options.json, **facts)


if __name__ == "__main__":
    sys.exit(main())
