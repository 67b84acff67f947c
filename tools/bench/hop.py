"""Every stage of the engine by itself, and the whole hop, wall and CPU, as `rtstem bench` has it.

    python tools/bench/hop.py [--seconds 60] [--model live] [--provider cpu] [--json]

Hops are paced as in a stream; rings, mixer and callback follow each other without pauses.
"""

from __future__ import annotations

import sys

import common
from common import Limit

from rtstem.bench import COLUMNS, run_bench
from rtstem.bench_stages import HOP_CPU, WITHOUT_MODEL

AROUND_LIMIT_US = 300.0
CPU_LIMIT_US = 3000.0


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", default="live")
    parser.add_argument("--provider", default="cpu", choices=("auto", "cuda", "cpu"))
    options = parser.parse_args()
    result = run_bench(options.model, options.seconds, options.provider)
    limits = [
        Limit("hop without the model, p50", result.stage(WITHOUT_MODEL).p50, AROUND_LIMIT_US, "us"),
        Limit("whole hop, CPU p99", result.stage(HOP_CPU).p99, CPU_LIMIT_US, "us"),
    ]
    return common.report(
        [dict(zip(COLUMNS, cells, strict=True)) for cells in result.rows()],
        limits,
        options.json,
        unit="us",
        model=f"{result.model}, {result.provider}, a hop every {result.hop_us:g} us",
        verdict=result.verdict,
    )


if __name__ == "__main__":
    sys.exit(main())
