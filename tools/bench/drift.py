"""Two clocks for a virtual hour: what becomes of the ring between them, and what is said of the drift.

    python tools/bench/drift.py [--seconds 3600] [--margin-ms 3] [--json]

The product's callbacks and resampler, in the simulated time of tests/two_clocks.py. The first half
minute, in which the clocks are being learnt, has its own column.
"""

from __future__ import annotations

import sys
from typing import Any

import common
import numpy as np
from common import Limit

from tests.two_clocks import play

RATE, BLOCK, LEARN_SECONDS = 44100, 256, 30.0
CASES: list[dict[str, Any]] = [
    {"ppm": 200.0},
    {"ppm": -200.0},
    {"ppm": 200.0, "jitter": 2e-4},
    {"ppm": -200.0, "jitter": 2e-4},
    {"ppm": 200.0, "jitter": 2e-4, "rates": (48000, 44100)},
    {"ppm": -200.0, "jitter": 2e-4, "rates": (44100, 48000), "sizes": (512, 128)},
]


def measure(case: dict[str, Any], seconds: float, margin_ms: float) -> dict[str, Any]:
    """One row: ring, place and drift of a run."""
    rates = case.get("rates", (RATE, RATE))
    wave = 0.5 * np.sin(2 * np.pi * np.arange(441) * 10 / 441)
    run = play(wave, seconds, margin=round(rates[1] * margin_ms / 1000), **case)
    learnt = run.asked > LEARN_SECONDS
    ms = 1000 / rates[0]
    fill = run.fill[10:] * ms
    return {
        "input > output": f"{rates[0]} > {rates[1]}",
        "ppm": f"{case['ppm']:+.0f}",
        "jitter ms": 1000 * case.get("jitter", 0.0),
        "ring ms": f"{fill.min():.2f}..{fill.max():.2f}",
        "off place us": round(float(np.abs(run.away[learnt]).max()) * ms * 1000, 1),
        "while learning us": round(float(np.abs(run.away[10:][~learnt[10:]]).max()) * ms * 1000, 1),
        "ppm said": f"{run.ppm[learnt].min():+.1f}..{run.ppm[learnt].max():+.1f}",
        "gaps": int(run.short.sum()),
        "resyncs": run.resyncs,
    }


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--margin-ms", type=float, default=3.0)
    options = parser.parse_args()
    if options.seconds <= LEARN_SECONDS:
        parser.error(f"--seconds must be more than the {LEARN_SECONDS:g} s of learning")
    rows = [measure(case, options.seconds, options.margin_ms) for case in CASES]
    limits = [
        Limit("blocks without input", sum(row["gaps"] for row in rows), 0),
        Limit("resyncs", sum(row["resyncs"] for row in rows), 0),
        Limit("furthest off its place", max(row["off place us"] for row in rows), 200.0, "us"),
    ]
    facts = {"seconds": options.seconds, "margin_ms": options.margin_ms}
    return common.report(rows, limits, options.json, **facts)


if __name__ == "__main__":
    sys.exit(main())
