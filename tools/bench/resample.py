"""What two clocks cost the output's callback: the resampler and its servo, block by block.

    python tools/bench/resample.py [--blocks 20000] [--frames 256] [--json]

The product's own `push_block` and `pull_block`, in one thread with the priority of a callback, at rates
that differ by 200 ppm. Beside it, how long soxr (VHQ, a ratio that cannot change) takes for as many
frames.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import common
import numpy as np
import soxr
from common import Limit

from rtstem.io.virtual import FIFO_PRIORITY
from rtstem.rt.capture import MAX_FRAMES, ORIGIN, Capture, push_block
from rtstem.rt.priority import Priority
from rtstem.rt.pull import pull_block, tick_output
from rtstem.rt.system import system_calls

RATES = [(44100, 44100), (44100, 48000), (48000, 44100), (96000, 44100)]
DRIFT = 200e-6
P999_LIMIT_US = 150.0


def measure(rates: tuple[int, int], frames: int, blocks: int) -> np.ndarray:
    """us of each output block of `frames`, the clock's tick included."""
    capture = Capture(system_calls(), 2, (0, 1))
    capture.reset(*rates)
    h = capture.header
    h[MAX_FRAMES] = frames
    capture.hold(capture.delay_frames(frames, frames), frames)
    noise = np.random.default_rng(1).standard_normal(2 * frames).astype(np.float32)
    out = np.zeros((2, frames), np.float32)
    spent = np.zeros(blocks + 100)
    pushed, start = 0, int(h[ORIGIN])
    for number in range(len(spent)):
        played = number * frames / rates[1]
        while pushed / (rates[0] * (1 + DRIFT)) <= played:
            pushed += frames
            push_block(h, noise, frames, 0, start + int(pushed / rates[0] / (1 + DRIFT) * 1e9))
        began = time.perf_counter_ns()
        tick_output(h, frames, start + int(played * 1e9))
        pull_block(h, frames, out)
        spent[number] = (time.perf_counter_ns() - began) / 1000
    if not out.any():
        raise RuntimeError("nothing came out of the resampler")
    return spent[100:]


def theirs(rates: tuple[int, int], frames: int, blocks: int) -> np.ndarray:
    """us of each block of soxr's."""
    stream = soxr.ResampleStream(*rates, 2, dtype="float32", quality="VHQ")
    size = round(frames * rates[0] / rates[1])
    noise = np.random.default_rng(1).standard_normal((size, 2)).astype(np.float32)
    spent = np.zeros(blocks)
    for number in range(blocks):
        began = time.perf_counter_ns()
        stream.resample_chunk(noise)
        spent[number] = (time.perf_counter_ns() - began) / 1000
    return spent


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--blocks", type=int, default=20_000)
    parser.add_argument("--frames", type=int, default=256)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    limits = []
    granted = Priority(True, 10**9 * options.frames // RATES[0][1]).raise_thread(FIFO_PRIORITY)
    for rates in RATES:
        spent = measure(rates, options.frames, options.blocks)
        row = common.percentiles(spent)
        period = 1e6 * options.frames / rates[1]
        name = f"{rates[0]} > {rates[1]}"
        share = f"{row['p50'] / period:.2%}"
        rows.append({"input > output": f"{name}, +200 ppm", **row, "of the block, p50": share})
        limits.append(Limit(f"{name}, p99.9", row["p99.9"], P999_LIMIT_US, "us"))
        if rates[0] != rates[1]:
            row = common.percentiles(theirs(rates, options.frames, options.blocks))
            rows.append(
                {"input > output": f"{name}, soxr", **row}
                | {"of the block, p50": f"{row['p50'] / period:.2%}"}
            )
    return common.report(
        rows, limits, options.json, unit="us", frames=options.frames, thread=granted
    )


if __name__ == "__main__":
    sys.exit(main())
