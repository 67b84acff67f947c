"""The output callback's way to an input on another clock: as many frames as it needs, from the ring.

The reading position follows the input's clock at a fixed distance, the set point. Both clocks are known
smoothly (rt/clock.py), so the pace of reading is their quotient, and a small share of what the position
is off; jitter of the callbacks does not bend the pitch. Where the ring runs dry, the music is played
backwards from where it ended, fading away, and crossfaded to the right place when there is input again.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from . import board as b
from . import capture as c
from .atomics import load_acquire
from .clock import AGE, CLOCK_VALUES, COUNT, PERIOD, SETTLED, STRETCH, TIME, pace, tick
from .jit import compiled
from .native import as_pointer
from .resample import PHASES, read_at

FOLLOW_SECONDS = 5.0  # time constant with which a position that is off is put right
MAX_PULL = 5e-4  # of the pace, for that: 0.9 cents
SETTLING_FRAMES = 16.0  # further off than this is put right at once until both clocks are known
MAX_DRIFT = 2e-3  # of the nominal pace; clocks that differ by more are not followed


@compiled
def tick_output(h, frames, now):
    """An output block of `frames` was asked for at `now` (ns)."""
    tick(c.floats(h, c.A_OUT_CLOCK, (CLOCK_VALUES,)), c.seconds(h, now), h[c.OUT_FRAMES])
    h[c.OUT_FRAMES] += frames


@compiled
def _look(h):
    """The input's clock as of its newest block."""
    marks, seen = c.floats(h, c.A_MARKS, (c.MARK_ROWS, c.MARK)), c.floats(h, c.A_SEEN, (c.MARK,))
    while True:
        number = load_acquire(h, c.MARKS)
        for n in range(c.MARK):
            seen[n] = marks[(number - 1) % c.MARK_ROWS, n]
        if load_acquire(h, c.MARKS) - number < c.MARK_ROWS - 1:  # not written meanwhile
            return seen


@compiled
def _readable(h, head, position, step, frames):
    """How many of `frames` frames from `position` on, by `step`, the ring holds; `head`: its end."""
    half = h[c.TAPS] // 2
    if position - half < head + b.MAX_BLOCK - c.FRAMES:
        return 0
    room = np.int64(np.floor((head - half - position) / step))
    return min(max(room, 0), frames)


@compiled
def _conceal(h, ring, table, servo, step, out, start, end):
    """Play on backwards, fading away, then silence; POSITION goes back."""
    gap = h[c.GAP]
    sounding = min(max(c.GONE - gap, 0), end - start)
    servo[c.POSITION] = read_at(ring, table, servo[c.POSITION], -step, out, start, start + sounding)
    for k in range(start, end):
        for side in range(2):
            if k - start < sounding:
                out[side, k] *= np.float32(1.0 - (gap + k - start) / c.GONE)
            else:
                out[side, k] = np.float32(0.0)
    h[c.GAP] = min(gap + end - start, c.GONE)


@compiled
def _go_on_at(h, head, ring, table, servo, target, step, out, frames):
    """Crossfade from what is played now to `target` and go on from there."""
    old = carray(as_pointer(h[c.A_OLD]), (2, c.FADE), np.float32)
    length = min(frames, c.FADE)
    if h[c.GAP] > 0:
        _conceal(h, ring, table, servo, step, old, 0, length)
    elif _readable(h, head, servo[c.POSITION], step, length) == length:
        read_at(ring, table, servo[c.POSITION], step, old, 0, length)
    else:
        old[:] = np.float32(0.0)
    servo[c.POSITION] = read_at(ring, table, target, step, out, 0, frames)
    for k in range(length):
        share = np.float32((k + 0.5) / length)
        for side in range(2):
            out[side, k] = share * out[side, k] + (np.float32(1.0) - share) * old[side, k]
    h[c.GAP] = 0
    h[c.BEGUN] = 1


@compiled
def _play(h, head, ring, table, servo, step, out, frames):
    """Go on where it was, a little faster or slower; returns the frames that were there."""
    period = c.floats(h, c.A_OUT_CLOCK, (c.MARK,))[PERIOD]
    pull = servo[c.AWAY] * period / (FOLLOW_SECONDS * step)
    step *= 1.0 + min(max(pull, -MAX_PULL), MAX_PULL)
    there = _readable(h, head, servo[c.POSITION], step, frames)
    servo[c.POSITION] = read_at(ring, table, servo[c.POSITION], step, out, 0, there)
    if there < frames:
        servo[c.POSITION] -= 2.0 * step  # the frame before the last one that was heard
        _conceal(h, ring, table, servo, step, out, there, frames)
    return there


@compiled
def pull_block(h, frames, out):
    """`frames` frames of the input, by the output's clock, into `out[2, n]`; `tick_output` comes first.

    Returns False where input was lacking that had come before.
    """
    if load_acquire(h, c.MARKS) == 0:
        out[:, :frames] = np.float32(0.0)
        return h[c.BEGUN] == 0
    ring = carray(as_pointer(h[c.A_RING]), (2, 2 * c.FRAMES), np.float32)
    table = carray(as_pointer(h[c.A_TABLE]), (PHASES + 1, h[c.TAPS]), np.float32)
    servo, sink = c.floats(h, c.A_SERVO, (c.SERVO_VALUES,)), c.floats(h, c.A_OUT_CLOCK, (c.MARK,))
    source, head = _look(h), load_acquire(h, c.HEAD)
    nominal = sink[PERIOD] / source[PERIOD]
    step = min(max(pace(source, sink), nominal * (1.0 - MAX_DRIFT)), nominal * (1.0 + MAX_DRIFT))
    since = (sink[TIME] - source[TIME]) / (source[PERIOD] * (1.0 + source[STRETCH]))
    target = source[COUNT] + since - servo[c.SET_POINT]
    playing, settled = h[c.GAP] == 0, min(source[AGE], sink[AGE]) > SETTLED
    servo[c.PACE], servo[c.AWAY] = step, target - servo[c.POSITION] if playing else 0.0
    far = abs(servo[c.AWAY]) > (servo[c.SLACK] if settled else SETTLING_FRAMES)
    if (far or not playing) and _readable(h, head, target, step, frames) == frames:
        h[c.RESYNCS] += 1 if playing and settled else 0
        _go_on_at(h, head, ring, table, servo, target, step, out, frames)
        return True
    if playing:
        return _play(h, head, ring, table, servo, step, out, frames) == frames
    _conceal(h, ring, table, servo, step, out, 0, frames)
    return h[c.BEGUN] == 0
