"""A crowd at the desk: 10 browsers and 5000 OSC messages a second while the engine plays over jackd.

    python tools/bench/crowd.py [--seconds 60] [--period 128] [--browsers 10] [--rate-osc 5000] [--json]

The same engine on the same server is watched twice, alone and with the crowd, so that what the
machine does to both can be told from what the crowd does. Browsers and flooder are processes of
their own on the same machine; the engine answers them in its own.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import common
import jack_run
from common import Limit

from rtstem.load.browsers import Browsers
from rtstem.load.flood import Flood
from rtstem.load.stalls import StallMonitor

CHILD = Path(__file__).with_name("crowd_child.py")
_COUNTED = ("concealed_blocks", "missed_blocks", "late_hops", "deadline_misses", "xruns")


def watch(run: jack_run.Session, name: str, seconds: float) -> dict[str, Any]:
    """A row: what went wrong within so many seconds, and how long the callbacks took."""
    run.engine.ask("load", names=[])  # forget the callbacks so far
    before, used = run.engine.ask("snapshot"), run.engine.ask("used")
    skipped = run.rig.skipped
    with StallMonitor() as machine:
        run.rig.sleep(seconds)
    after, now = run.engine.ask("snapshot"), run.engine.ask("used")
    log = run.engine.ask("callbacks")
    durations = log["durations_us"] or []
    counted = {key.replace("_", " "): after[key] - before[key] for key in _COUNTED}
    threads = {
        f"{key} %": round(100 * (now[key] - used[key]) / seconds, 2)
        for key in sorted(now.keys() - {"moves"})
    }
    return {
        "with": name,
        "unit": "us",
        **common.percentiles(durations),
        "lost cycles": (run.rig.skipped - skipped) // run.server.period,
        **counted,
        "moves/s": round((now["moves"] - used["moves"]) / seconds),
        **threads,
        "stalls": vars(machine.seen) if machine.seen else "not watched here",
    }


def measure(options: Any) -> list[dict[str, Any]]:
    """Rows: alone, crowd; as often as asked for."""
    latency = {"safety_hops": options.safety_hops}
    seconds = 2 * options.rounds * (options.seconds + 4)
    session = jack_run.Session(
        options.rate, options.period, seconds, CHILD, latency=latency, model=options.model
    )
    rows = []
    with session as run:
        where = run.engine.ask("surfaces")
        run.rig.sleep(1.0)
        for _ in range(options.rounds):
            rows.append(watch(run, "nobody", options.seconds))
            with ExitStack() as crowd:
                crowd.enter_context(Browsers(where["url"], options.browsers, spectrum=True))
                crowd.enter_context(Flood(where["osc"], options.rate_osc))
                run.rig.sleep(1.0)
                rows.append(watch(run, "the crowd", options.seconds))
    return rows


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the two")
    parser.add_argument("--rounds", type=int, default=1, help="how often both, in turn")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--period", type=int, default=128)
    parser.add_argument("--browsers", type=int, default=10)
    parser.add_argument("--rate-osc", type=int, default=5000, help="messages a second")
    parser.add_argument("--model", default="live")
    parser.add_argument("--safety-hops", type=float, default=0.5)
    options = parser.parse_args()
    rows = measure(options)
    stalls = [row.pop("stalls") for row in rows]
    crowded = [row for row in rows if row["with"] == "the crowd"]
    limits = [
        Limit(f"{key} with the crowd", sum(row[key] for row in crowded), 0)
        for key in ("lost cycles", "missed blocks", "deadline misses")
    ]
    stream = f"{options.seconds:g} s each, {options.rate} Hz, period {options.period}"
    crowd = f"{options.browsers} browsers with spectra, {options.rate_osc} OSC messages a second"
    return common.report(
        rows, limits, options.json, stream=stream, crowd=crowd, **{"the machine itself": stalls}
    )


if __name__ == "__main__":
    sys.exit(main())
