"""Bit-exactness and latency: all faders up, the output is the input at exactly the declared delay.

    python tools/bench/latency.py [--seconds 60] [--rate 48000 44100] [--period 256] [--json]

A recorder on the same server finds the delay again, to the frame, beside the one declared.
"""

from __future__ import annotations

import sys
from pathlib import Path

import common
import jack_run
from common import AUDIO_TESTS, Limit

CHILD = Path(AUDIO_TESTS) / "engine_child.py"


def run_one(
    rate: int, period: int, seconds: float, safety_hops: float
) -> tuple[dict[str, object], list[Limit]]:
    """Row and limits of one rate and period."""
    latency = {"safety_hops": safety_hops}
    with jack_run.Session(rate, period, seconds, CHILD, latency=latency) as run:
        outcome = run.stream(seconds)
    match, name = outcome.match, f"{rate} Hz, period {period}:"
    # a recording that matches nowhere has no measured latency at all
    measured = -1 if outcome.measured_latency is None else outcome.measured_latency
    row: dict[str, object] = {
        "rate": rate,
        "period": period,
        "declared": outcome.declared_latency,
        "measured": measured,
        "ms": round(1000 * outcome.declared_latency / rate, 2),
        "frames checked": match.checked,
        "bad": match.bad,
        "excused": match.excused,
        "lost cycles": outcome.skipped_cycles,
        "late hops": outcome.snapshot["late_hops"],
    }
    limits = [
        Limit(f"{name} bad frames", match.bad, 0),
        Limit(f"{name} measured - declared", abs(measured - outcome.declared_latency), 0),
    ]
    return row, limits


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, nargs="+", default=[48000])
    parser.add_argument("--period", type=int, nargs="+", default=[256])
    parser.add_argument("--safety-hops", type=float, default=0.5)
    options = parser.parse_args()
    rows, limits = [], []
    for rate in options.rate:
        for period in options.period:
            row, goals = run_one(rate, period, options.seconds, options.safety_hops)
            rows.append(row)
            limits += goals
    return common.report(rows, limits, options.json)


if __name__ == "__main__":
    sys.exit(main())
