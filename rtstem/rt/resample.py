"""Reads stereo audio at any position between its frames, at any speed near a nominal one: the
resampler between two clocks.

The ideal interpolator sin(x)/x under a Kaiser window, tabulated at PHASES places between two frames
and taken linearly in between. It is symmetrical: a frame read at position p is what the music was at
p, at all frequencies. So it adds no delay of its own, only the `reach` of frames that must have come.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from .jit import compiled, compiled_sums

ZEROS = 48  # zero crossings of the sinc on each side: flat to 20.4 kHz at 44.1 kHz
PHASES = 512  # linear between them: errors below -110 dB up to 18 kHz
BETA = 11.0  # of the window: 112 dB in the stop band


def reach(ratio: float) -> int:
    """Frames of the input beyond the position that a frame needs; `ratio`: input rate / output rate."""
    return math.ceil(ZEROS * max(1.0, ratio))


def make_table(ratio: float) -> npt.NDArray[np.float32]:
    """float32 [PHASES + 1, 2 * reach]: row p weighs the frames around a position p / PHASES behind
    a frame, which is at column reach - 1. Going down in rate it cuts off at half of the output's."""
    half = reach(ratio)
    cutoff = 1.0 / max(1.0, ratio)
    frames = np.arange(2 * half) - (half - 1)
    distance = frames - np.arange(PHASES + 1)[:, np.newaxis] / PHASES
    inside = np.clip(1.0 - (distance / half) ** 2, 0.0, None)
    table = np.sinc(cutoff * distance) * np.i0(BETA * np.sqrt(inside))
    table /= table.sum(axis=1, keepdims=True)  # a constant stays what it is, at every phase
    return table.astype(np.float32)


@compiled_sums
def _frame(left, right, low, high, share):
    """The two channels of one frame, weighted with `low` + `share` * (`high` - `low`)."""
    sum_left = sum_right = np.float32(0.0)
    for k in range(low.shape[0]):
        weight = low[k] + share * (high[k] - low[k])
        sum_left += weight * left[k]
        sum_right += weight * right[k]
    return sum_left, sum_right


@compiled
def read_at(ring, table, position, step, out, start, end):
    """Fill `out[2, start:end]` with what `ring` holds at `position`, `position + step` and so on;
    returns the position of the frame behind them.

    `ring` float32 [2, 2 N] holds N (a power of two) frames twice, one behind the other, so that no
    reading is broken; `position` counts frames, `step` may be negative. The frames from `reach - 1`
    before to `reach` behind each position must be in the ring.
    """
    taps, mask = table.shape[1], ring.shape[1] // 2 - 1
    phases = table.shape[0] - 1
    for k in range(start, end):
        frame = np.int64(np.floor(position))
        phase = (position - frame) * phases
        row = min(np.int64(phase), phases - 1)
        first = (frame - (taps // 2 - 1)) & mask
        last = first + taps
        out[0, k], out[1, k] = _frame(
            ring[0, first:last],
            ring[1, first:last],
            table[row],
            table[row + 1],
            np.float32(phase - row),
        )
        position += step
    return position
