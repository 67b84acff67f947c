"""One filter knob a stem: low-pass to the left, high-pass to the right, exactly off in the centre.

Second-order state-variable filter with trapezoidal integration, stable while the cutoff moves
(A. Simper, "Linear Trapezoidal Integrated State Variable Filter", Cytomic, 2013). What comes out is
the *difference* to the unfiltered stem, so that the mix stays `dry + corrections`.
"""

from __future__ import annotations

import numpy as np

from .jit import compiled

STEP_FRAMES = 16  # the knob and its coefficients move once in so many frames
EDGE = np.float32(0.05)  # within this share of the way the filter fades in
LOW_HZ, HIGH_HZ = 80.0, 20_000.0  # low-pass from right to left
BOTTOM_HZ, TOP_HZ = 20.0, 10_000.0  # high-pass from left to right
DAMPING = np.float32(1.4142135)  # Butterworth


@compiled
def cutoff_hz(knob):
    """Cutoff frequency of a knob position, -1 to 1 without 0."""
    if knob < 0:
        return HIGH_HZ * (LOW_HZ / HIGH_HZ) ** -knob
    return BOTTOM_HZ * (TOP_HZ / BOTTOM_HZ) ** knob


@compiled
def move_knob(knob, target, frames, slew):
    """The knob after `frames` frames on its way, which takes `slew` frames for a change of 1."""
    reach = np.float32(frames) / np.float32(slew)
    return min(target, knob + reach) if target > knob else max(target, knob - reach)


@compiled
def _share(knob):
    """How much of the filter is heard: all of it, but for the edge around the centre."""
    return min(np.float32(1.0), abs(knob) / EDGE)


@compiled
def _run(samples, before, knob, rate, memory, delta, first, last):
    """Filter one channel from `first` to `last`; `memory[2]` are the two integrators."""
    tuned = knob if knob != 0 else before  # on the last way to the centre
    g = np.float32(np.tan(np.pi * min(cutoff_hz(tuned), 0.45 * rate) / rate))
    a1 = np.float32(1.0) / (np.float32(1.0) + g * (g + DAMPING))
    a2 = g * a1
    a3, s1, s2 = g * a2, memory[0], memory[1]
    share = _share(before) if before * tuned > 0 else np.float32(0.0)
    rise = (_share(knob) - share) / np.float32(last - first)
    for k in range(first, last):
        x = samples[k]
        v3 = x - s2
        v1 = a1 * s1 + a2 * v3
        v2 = s2 + a2 * s1 + a3 * v3
        s1, s2 = np.float32(2.0) * v1 - s1, np.float32(2.0) * v2 - s2
        y = v2 if tuned < 0 else x - DAMPING * v1 - v2
        share += rise
        delta[k] = share * (y - x)
    memory[0], memory[1] = s1, s2


@compiled
def filter_stem(wet, frames, knob, target, slew, rate, memory, delta):
    """Difference that the filter makes to `wet[2, frames]` into `delta[2, frames]`.

    `memory[2, 2]` persists. Returns the knob position reached; 0 from start to end means that
    `delta` was not touched and must not be used.
    """
    if knob == 0 and target == 0:
        return knob
    for first in range(0, frames, STEP_FRAMES):
        last = min(first + STEP_FRAMES, frames)
        before, knob = knob, move_knob(knob, target, last - first, slew)
        for c in range(2):
            if (
                before * knob < 0 or before == 0
            ):  # begin as if the filter had let everything through
                memory[c, 0] = np.float32(0.0)
                memory[c, 1] = wet[c, first] if knob < 0 else np.float32(0.0)
            if before == 0 and knob == 0:
                delta[c, first:last] = np.float32(0.0)
            else:
                _run(wet[c], before, knob, rate, memory[c], delta[c], first, last)
    return knob
