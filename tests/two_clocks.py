"""Two devices in virtual time: their callbacks come when their clocks, and their jitter, say so.

The parts of the product run here as they are: `push_block` for the input, `tick_output` and `pull_block`
for the output; only the time is not the machine's, so an hour takes seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from rtstem.rt.capture import (
    AWAY,
    HEAD,
    MAX_FRAMES,
    ORIGIN,
    PACE,
    POSITION,
    RESYNCS,
    Capture,
    push_block,
)
from rtstem.rt.pull import pull_block, tick_output
from rtstem.rt.system import system_calls

PRIMING = 8  # output blocks before audio passes, as in the engine
LATEST = 0.1  # s


@dataclass(frozen=True)
class Run:
    """A value for each output block, in frames of the input: `fill` is what was written and not yet
    read, `away` how far behind its place the reading was. `out` float32 [2, n] is what was heard
    first, and `asked` the s at which each block was asked for."""

    fill: np.ndarray
    away: np.ndarray
    ppm: np.ndarray
    short: np.ndarray
    asked: np.ndarray
    out: np.ndarray
    resyncs: int
    delay: int


@njit(nogil=True)
def _when(due, before, jitter, side, still):
    """(s at which the callback of `due` comes, when it is due): late, after the one before, and never
    while all is still; then due again, or in a burst of all that did not come."""
    for n in range(still.shape[0]):
        if still[n, 0] == side and still[n, 1] <= due < still[n, 2] and still[n, 3] == 1:
            due = still[n, 2]
    late = min(np.random.exponential(jitter), LATEST) if jitter > 0.0 else 0.0
    time = max(due + late, before + 1e-5)
    for n in range(still.shape[0]):
        if still[n, 0] == side and still[n, 1] <= time < still[n, 2]:
            time = still[n, 2]
    return time, due


@njit(nogil=True)
def _simulate(h, servo, sizes, rates, jitter, still, wave, rows, out):
    """Callbacks in the order of their times; `rows` [5, blocks] and `out` are filled."""
    np.random.seed(3)
    stereo = np.zeros(2 * sizes[0], np.float32)
    block = np.zeros((2, sizes[1]), np.float32)
    count, due = np.zeros(2, np.int64), np.array([sizes[0] / rates[0], 0.3 * sizes[0] / rates[0]])
    time = due.copy()
    while count[1] < rows.shape[1]:
        side = 0 if time[0] <= time[1] else 1
        now, number = h[ORIGIN] + np.int64(time[side] * 1e9), count[side]
        if side == 0:
            for k in range(sizes[0]):
                stereo[2 * k] = stereo[2 * k + 1] = wave[(h[HEAD] + k) % wave.shape[0]]
            push_block(h, stereo, sizes[0], 0, now)
        else:
            tick_output(h, sizes[1], now)
            rows[0, number] = h[HEAD] - servo[POSITION]
            if number >= PRIMING:
                rows[3, number] = not pull_block(h, sizes[1], block)
            rows[1, number], rows[2, number], rows[4, number] = servo[AWAY], servo[PACE], time[1]
            for k in range(sizes[1]):
                place = number * sizes[1] + k
                if place < out.shape[1]:
                    out[0, place], out[1, place] = block[0, k], block[1, k]
        count[side] += 1
        due[side] += sizes[side] / rates[side]
        time[side], due[side] = _when(due[side], time[side], jitter, side, still)


def play(
    wave: np.ndarray,
    seconds: float,
    *,
    ppm: float = 0.0,
    rates: tuple[int, int] = (44100, 44100),
    sizes: tuple[int, int] = (256, 256),
    jitter: float = 0.0,
    margin: int = 132,
    still: Sequence[tuple[int, float, float, int]] = (),
    keep: int = 0,
) -> Run:
    """`wave` [n], repeated, into an input whose clock is `ppm` faster than it says.

    jitter: mean s by which callbacks are late (exponential); keep: output frames to keep;
    still: (0 input or 1 output, from, until, 1: what was due meanwhile is lost, 0: it comes then).
    """
    capture = Capture(system_calls(), 2, (0, 1))
    capture.reset(*rates)
    h, servo = capture.header, capture.servo
    delay = capture.delay_frames(sizes[1], margin)
    h[MAX_FRAMES] = sizes[0]
    capture.hold(delay, margin)
    rows = np.zeros((5, int(seconds * rates[1]) // sizes[1]))
    out = np.zeros((2, keep), np.float32)
    quiet = np.array(still, np.float64).reshape(-1, 4)
    true = (rates[0] * (1.0 + 1e-6 * ppm), float(rates[1]))
    _simulate(h, servo, sizes, true, jitter, quiet, np.asarray(wave, np.float32), rows, out)
    fill, away, pace, short, asked = rows
    return Run(
        fill, away, 1e6 * (pace / capture.ratio - 1.0), short, asked, out, int(h[RESYNCS]), delay
    )
