"""The audio callback under load: the engine over jackd with adversaries in its own process.

    python tools/bench/callback.py [--seconds 60] [--period 32 64 128 256] [--load busy json gc] [--json]

Durations are taken by a compiled shim around the callback. Cycles that the server loses are counted
twice: with the engine, and in as long a run of the same server with no engine on it (half of it
before and half after), since a busy machine loses cycles by itself. How often the machine stopped a
processor meanwhile is counted as well (rtstem/load/stalls.py). A lost cycle is the engine's where the
callback before it was slow (see shim.py), or where a deadline was missed.
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
P999_LIMIT_BLOCK = 0.2  # of the period, where that is less


def measure(options: Any, period: int) -> dict[str, Any]:
    """One period: the row of the table, and what stands below it."""
    half = options.seconds / 2
    before = jack_run.control(options.rate, period, half)
    latency = {"safety_hops": options.safety_hops}
    session = jack_run.Session(
        options.rate, period, options.seconds, CHILD, latency=latency, model=options.model
    )
    with session as run:
        run.engine.ask("load", names=options.load)
        with StallMonitor() as machine:
            outcome = run.stream(options.seconds)
        log = run.engine.ask("callbacks")
    after = jack_run.control(options.rate, period, half)
    durations = log.pop("durations_us")
    snapshot = outcome.snapshot
    times = common.percentiles(durations) if durations else _own_times(snapshot["callback_us"])
    row = {
        "period": period,
        "us": round(1e6 * period / options.rate),
        **times,
        "missed deadlines": log.get("missed_deadlines", snapshot["deadline_misses"]),
        "lost cycles": outcome.skipped_cycles,
        "lost without engine": before["lost"] + after["lost"],
        "late after slow callback": log.get("gaps_after_slow_callback", "unknown"),
        "held hops": snapshot["held_hops"],
        "held blocks": snapshot["concealed_blocks"],
        "blocks without stems": snapshot["missed_blocks"],
        "bad frames": outcome.match.bad,
    }
    facts = {
        "engine": run.hello["realtime"],
        "server": "real-time" if outcome.realtime_server else "no real-time rights",
        "late cycles": f"{outcome.xruns}, without engine {before['late'] + after['late']}",
        "callback": log,
        "stalls": vars(machine.seen) if machine.seen else "not watched here",
        "late hops": f"{snapshot['late_hops']} of {snapshot['hops']}",
        "hop_us": snapshot["hop_us"],
    }
    return {"row": row, "facts": facts}


def _own_times(own: dict[str, float]) -> dict[str, float]:
    return {"p50": own["p50"], "p99": own["p99"], "p99.9": own["p999"], "max": own["max"]}


def limits(row: dict[str, Any]) -> list[Limit]:
    """What one period has to reach."""
    name = f"period {row['period']}:"
    bound = min(P999_LIMIT_US, P999_LIMIT_BLOCK * row["us"])
    goals = [Limit(f"{name} callback p99.9", row["p99.9"], bound, "us")]
    if row["late after slow callback"] != "unknown":
        goals.append(
            Limit(f"{name} gaps after a slow callback", row["late after slow callback"], 0)
        )
    zero = (
        "missed deadlines",
        "lost cycles",
        "held hops",
        "held blocks",
        "blocks without stems",
        "bad frames",
    )
    return goals + [Limit(f"{name} {key}", row[key], 0) for key in zero]


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--period", type=int, nargs="+", default=[32, 64, 128, 256])
    parser.add_argument("--model", default="live")
    parser.add_argument("--safety-hops", type=float, default=0.5)
    parser.add_argument("--load", nargs="*", choices=list(ADVERSARIES), default=list(INTERPRETER))
    options = parser.parse_args()
    results = {period: measure(options, period) for period in options.period}
    rows = [result["row"] for result in results.values()]
    load = "+".join(options.load) or "nothing"
    return common.report(
        rows,
        [goal for row in rows for goal in limits(row)],
        options.json,
        stream=f"{options.seconds:g} s each, {options.rate} Hz, beside {load}, times in us",
        **{f"period {period}": result["facts"] for period, result in results.items()},
    )


if __name__ == "__main__":
    sys.exit(main())
