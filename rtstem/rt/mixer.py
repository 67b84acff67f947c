"""The exact mix: `out = dry + sum_s (g_s - 1) * stem_s`, with ramps, dry fallback and meters.

The stems sum to the dry signal, so all gains at 1 give the delayed input bit for bit and a gain of 0
subtracts a stem exactly. Where stems are missing, held ones take their place (`conceal.py`). Where there
are none, the weight fades to 0 over `FADE_FRAMES` *before* the gap and back after it: the listener hears
the aligned dry signal, no silence and no click.
"""

from __future__ import annotations

import numpy as np

from ..latency import FADE_FRAMES
from .atomics import load_acquire
from .conceal import takes_over
from .jit import compiled

FADE_STEP = np.float32(1.0 / FADE_FRAMES)
ONE = np.float32(1.0)
SILENT_PEAK = np.float32(1e-9)  # meters fall to 0 here, long before denormals


@compiled
def ready_frames(stamps, hop, position, limit):
    """Frames from `position` on whose stems are all in the ring, at most `limit`.

    Hops before 0 are the silence before the start and count as ready.
    """
    slots = stamps.shape[0]
    number = position // hop
    run = 0
    while run < limit and (number < 0 or load_acquire(stamps, number % slots) == number):
        number += 1
        run = number * hop - position
    return min(run, limit)


@compiled
def fade_weights(stamps, hop, start, frames, weight, fade, held, limit):
    """Fill `weight[:frames]` (1 stems, 0 none) for output frames `start` on.

    `fade[0]` is the weight reached before and is updated. No fade before a gap that `held` stems
    (not older than `limit` frames) continue. Returns True where stems were faded out or missing.
    """
    w = fade[0]
    missed = False
    k = 0
    while k < frames:
        run = ready_frames(stamps, hop, start + k, frames - k + FADE_FRAMES)
        if run == 0:
            run = min(hop - (start + k) % hop, frames - k)
            weight[k : k + run] = np.float32(0.0)
            w = np.float32(0.0)
            missed = True
            k += run
            continue
        gap = (start + k + run) // hop
        jump = run < frames - k + FADE_FRAMES and takes_over(held, gap, hop, limit)
        for j in range(min(run, frames - k)):
            ahead = np.float32(run - j) * FADE_STEP
            w = min(ONE, w + FADE_STEP)
            if not jump or ahead < ONE - w:
                missed = missed or ahead < w
                w = min(w, ahead)
            weight[k + j] = w
        k += min(run, frames - k)
    fade[0] = w
    return missed


@compiled
def gather_stems(ring, start, frames, weight, wet, peaks, decay):
    """Copy the stems of output frames `start` on to `wet[S, 2, frames]`, times their weight.

    Frames of weight 0 are set to 0 and not read. `peaks[s]` is each stem's peak meter.
    """
    slots, stems, _, hop = ring.shape
    for s in range(stems):
        peaks[s] *= decay if peaks[s] > SILENT_PEAK else np.float32(0.0)
    k = 0
    while k < frames:
        position = start + k
        offset = position % hop
        run = min(hop - offset, frames - k)
        slot = (position // hop) % slots
        for s in range(stems):
            peak = peaks[s]
            for c in range(2):
                for j in range(run):
                    w = weight[k + j]
                    value = ring[slot, s, c, offset + j] * w if w > 0 else np.float32(0.0)
                    wet[s, c, k + j] = value
                    peak = max(peak, abs(value))
            peaks[s] = peak
        k += run


@compiled
def ramp_end(gain, target, frames, slew):
    """Gain after `frames` frames of a ramp that needs `slew` frames for a change of 1."""
    reach = np.float32(frames) / np.float32(slew)
    if target > gain:
        return min(target, gain + reach)
    return max(target, gain - reach)


@compiled
def add_stem(bus, wet, frames, gain, target, slew):
    """`bus += (g - 1) * wet` with `g` ramping from `gain` to `target`; returns the gain reached."""
    if gain == target:
        if gain != ONE:
            change = gain - ONE
            for c in range(2):
                for k in range(frames):
                    bus[c, k] += change * wet[c, k]
        return gain
    for c in range(2):
        for k in range(frames):
            bus[c, k] += (ramp_end(gain, target, k + 1, slew) - ONE) * wet[c, k]
    return ramp_end(gain, target, frames, slew)


@compiled
def add_delta(bus, delta, frames, gain, target, slew):
    """`bus += g * delta` with the ramp of `add_stem`: what a filter changes of a stem."""
    for c in range(2):
        for k in range(frames):
            bus[c, k] += ramp_end(gain, target, k + 1, slew) * delta[c, k]


@compiled
def apply_gain(bus, frames, gain, target, slew):
    """`bus *= g` with the same ramp; returns the gain reached."""
    if gain == target:
        if gain != ONE:
            for c in range(2):
                for k in range(frames):
                    bus[c, k] *= gain
        return gain
    for c in range(2):
        for k in range(frames):
            bus[c, k] *= ramp_end(gain, target, k + 1, slew)
    return ramp_end(gain, target, frames, slew)


@compiled
def mix_bus(dry, wet, delta, filtered, frames, gains, targets, slew, bus):
    """One stereo bus into `bus[2, frames]`; `gains` go along their ramps towards `targets`.

    Both `[S + 1]`: the stems' gains, then the bus's own. `delta[s]` is added where `filtered[s]`.
    """
    for c in range(2):
        for k in range(frames):
            bus[c, k] = dry[c, k]
    stems = wet.shape[0]
    for s in range(stems):
        if filtered[s]:
            add_delta(bus, delta[s], frames, gains[s], targets[s], slew)
        gains[s] = add_stem(bus, wet[s], frames, gains[s], targets[s], slew)
    gains[stems] = apply_gain(bus, frames, gains[stems], targets[stems], slew)


@compiled
def write_bus(bus, frames, route, channels, out):
    """Put `bus[2, frames]` on its channels of the interleaved `out`; a bus with one channel is the
    mean of left and right."""
    left, right = route[0], route[1]
    if right < 0:
        half = np.float32(0.5)
        for k in range(frames):
            out[k * channels + left] = half * (bus[0, k] + bus[1, k])
        return
    for k in range(frames):
        out[k * channels + left] = bus[0, k]
        out[k * channels + right] = bus[1, k]


@compiled
def peak_meters(samples, frames, meter, decay):
    """Peak with decay of `samples[2, frames]` into `meter[0]`, `meter[1]`."""
    for c in range(2):
        peak = meter[c] * decay
        for k in range(frames):
            peak = max(peak, abs(samples[c, k]))
        meter[c] = peak if peak > SILENT_PEAK else np.float32(0.0)
