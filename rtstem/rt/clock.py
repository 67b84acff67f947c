"""What a device's clock is, seen through callbacks that come early and late.

A delay-locked loop over the times of the callbacks (F. Adriaensen, "Using a DLL to filter time", 2005)
whose two gains are those of a Kalman filter: wide open at the start, and as narrow later as a crystal
that wanders by WANDER and callbacks that come NOISE late allow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .jit import compiled

# -- one clock, float64
TIME = 0  # s: when COUNT was reached, smoothed
COUNT = 1  # frames
STRETCH = 2  # how much longer than PERIOD a frame really takes, as a share of it
PERIOD = 3  # s: a frame at the nominal rate
AGE = 4  # ticks since TIME was set anew
P_TIME, P_BOTH, P_STRETCH = 5, 6, 7  # how uncertain TIME and STRETCH are; P_TIME 0: not begun
RUN = 8  # ticks in a row that were off to the same side by more than GATE
CLOCK_VALUES = 9

NOISE = 3e-4  # s: jitter of a callback
PRIOR = 3e-4  # of STRETCH before anything was seen: 300 ppm
WANDER = 1e-13  # growth of STRETCH's variance per s: 1 ppm in 10 s
GATE = 3e-3  # s: what is later is taken for so late
LOST = 2e-2  # s: what is later is a stream that stood still
STEPS = 8  # so many ticks beyond GATE, all early or all late, are a jump of the stream
SETTLED = 16  # ticks until TIME is good


def begin(clock: npt.NDArray[np.float64], rate: int) -> None:
    """Nothing is known but the nominal `rate` in Hz."""
    clock[:] = 0.0
    clock[PERIOD] = 1.0 / rate


@compiled
def _set(clock, now):
    """The stream has begun, or has jumped: the pace is what it was."""
    clock[TIME], clock[RUN], clock[AGE] = now, 0.0, 0.0
    clock[P_TIME], clock[P_BOTH] = NOISE * NOISE, 0.0
    if clock[P_STRETCH] == 0.0:
        clock[P_STRETCH] = PRIOR * PRIOR


@compiled
def _jumped(clock, late):
    """True where a tick that is so late, or early, is not jitter. After a pause callbacks may catch up
    in a burst: each is early by what the one before was late, up to the first that is in time."""
    if abs(late) <= GATE:
        clock[RUN] = 0.0
    else:
        side = np.sign(late)
        clock[RUN] = clock[RUN] + side if side * clock[RUN] > 0.0 else side
    catching_up = clock[AGE] < SETTLED and late < -GATE
    return catching_up or abs(late) > LOST or abs(clock[RUN]) >= STEPS


@compiled
def tick(clock, now, count):
    """At `now` (s) a callback was called that brings the stream to `count` frames."""
    span = (count - clock[COUNT]) * clock[PERIOD]
    clock[COUNT] = count
    if clock[P_TIME] == 0.0:
        _set(clock, now)
        return
    clock[TIME] += span * (1.0 + clock[STRETCH])
    clock[P_TIME] += span * (2.0 * clock[P_BOTH] + span * clock[P_STRETCH])
    clock[P_BOTH] += span * clock[P_STRETCH]
    clock[P_STRETCH] += span * WANDER
    clock[AGE] += 1.0
    late = now - clock[TIME]
    if _jumped(clock, late):
        _set(clock, now)
        return
    late = min(max(late, -GATE), GATE)
    whole = clock[P_TIME] + NOISE * NOISE
    of_time, of_stretch = clock[P_TIME] / whole, clock[P_BOTH] / whole
    clock[TIME] += of_time * late
    clock[STRETCH] += of_stretch * late
    clock[P_STRETCH] -= of_stretch * clock[P_BOTH]
    clock[P_BOTH] -= of_time * clock[P_BOTH]
    clock[P_TIME] -= of_time * clock[P_TIME]


@compiled
def pace(source, target):
    """Frames of `source` that pass while one frame of `target` does."""
    theirs = target[PERIOD] * (1.0 + target[STRETCH])
    return theirs / (source[PERIOD] * (1.0 + source[STRETCH]))
