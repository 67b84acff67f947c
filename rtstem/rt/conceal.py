"""Stems for the callback where the model has not come: the held gains on the input of this moment.

The callback makes such a hop itself, because an inference thread that hangs can make nothing. It
goes on where the last good hop ended, in the same overlap-add, so nothing has to be faded; the last
stem is what the others leave of the dry signal. Older than the limit, the gains fade to the dry signal
over one hop. Models without an FFT of a power of two have one band: each stem is a share of the dry
signal then, crossfaded.

Cost: four FFTs for four stems, 0.07 to 0.15 ms a hop; a Python-free FFT of our own because the library
that the inference thread uses allocates.
"""

from __future__ import annotations

import numpy as np

from .atomics import load_acquire
from .fft import fft
from .held import NEVER, SLOTS
from .jit import compiled

ONE = np.float32(1.0)


@compiled
def _newest(held):
    return load_acquire(held.newest, 0) % SLOTS


@compiled
def hold_level(source, position, hop, limit):
    """How much the gains of hop `source` are worth at frame `position`: 1 up to `limit` frames after
    that hop, then down to 0 within a hop."""
    age = position - (source + 1) * hop
    return min(ONE, max(np.float32(0.0), np.float32(limit + hop - age) / np.float32(hop)))


@compiled
def takes_over(held, number, hop, limit):
    """Whether hop `number` can be made so that it continues the good hop before it without a fade."""
    if limit <= 0 or held.window.shape[0] == 0:
        return False
    slot = (number - 1) % SLOTS
    if load_acquire(held.marks, slot) != number - 1:
        return False
    return hold_level(held.sources[slot], number * hop, hop, limit) == ONE


@compiled
def _take_tail(held, slot):
    """Go on with what a good hop left."""
    tail, length = held.tails.shape[2], held.overlap.shape[1]
    for row in range(held.overlap.shape[0]):
        for k in range(length):
            held.overlap[row, k] = held.tails[slot, row, k] if k < tail else np.float32(0.0)


@compiled
def _begin(held, number, hop, limit, was_good):
    """Make ready for hop `number`; False where there is nothing that it could continue."""
    own, source = held.own, held.sources[_newest(held)]
    if was_good:
        slot = (number - 1) % SLOTS
        if held.window.shape[0] > 0:
            if load_acquire(held.marks, slot) != number - 1:
                return False
            _take_tail(held, slot)
        own[1] = source
    else:
        level = hold_level(own[1], number * hop, hop, limit)
        if own[0] != number - 1 or level == 0:
            return False
        if level == ONE:
            own[1] = max(own[1], source)  # fresher gains, but not in the middle of a fade
    return own[1] > NEVER


@compiled
def _synthesise(held, gains, s):
    """Add stem `s` of the spectrum in `work_scratch[0:2]` to its overlap; its finished hop to `hop`."""
    work, bands, size = held.work_scratch, held.bands, held.window.shape[0]
    for k in range(size):
        gain = gains[s, bands[k]]
        work[2, k], work[3, k] = gain * work[0, k], gain * work[1, k]
    fft(work[3], work[2], work[4], work[5], held.turns)  # exchanged: the inverse
    length, hop = held.overlap.shape[1], held.hop.shape[2]
    for c in range(2):
        overlap, samples = held.overlap[2 * s + c], work[2 + c]
        for k in range(length):
            overlap[k] += samples[size - length + k] * held.synthesis[k]
        for k in range(hop):
            held.hop[s, c, k] = overlap[k]
        for k in range(length - hop):
            overlap[k] = overlap[k + hop]
        for k in range(length - hop, length):
            overlap[k] = np.float32(0.0)


@compiled
def _separate(held, ring, number):
    """Stems of hop `number` but the last one, by the gains, from the input ring."""
    work, window = held.work_scratch, held.window
    size, hop, mask = window.shape[0], held.hop.shape[2], ring.shape[0] - 1
    first = number * hop + held.overlap.shape[1] - size
    for k in range(size):  # both channels in one complex transform: the gains are the same for both
        place = (first + k) & mask
        work[0, k], work[1, k] = ring[place, 0] * window[k], ring[place, 1] * window[k]
    fft(work[0], work[1], work[2], work[3], held.turns)
    gains = held.gains[_newest(held)]
    for s in range(held.hop.shape[0] - 1):
        _synthesise(held, gains, s)


@compiled
def _make_hop(held, ring, number):
    """Stems of hop `number` into `held.hop`; they sum to the dry signal."""
    stems, _, hop = held.hop.shape
    mask, last = ring.shape[0] - 1, stems - 1
    if held.window.shape[0] > 0:
        _separate(held, ring, number)
    gains = held.gains[_newest(held)]
    for c in range(2):
        for k in range(hop):
            dry = ring[(number * hop + k) & mask, c]
            rest = dry
            for s in range(last):
                if held.window.shape[0] == 0:
                    held.hop[s, c, k] = gains[s, 0] * dry
                rest -= held.hop[s, c, k]
            held.hop[last, c, k] = rest
    held.own[0] = number


@compiled
def add_held(held, ring, limit, start, frames, weight, before, wet, peaks):
    """Where `weight[:frames]` leaves room, add held stems of output frames `start` on to `wet`.

    `before`: the weight of the frame before. Returns (held stems were heard, dry signal was).
    """
    stems, _, hop = held.hop.shape
    held_heard, dry_heard = False, False
    k = 0
    while k < frames:
        position = start + k
        number, offset = position // hop, position % hop
        run = min(hop - offset, frames - k)
        if weight[k] < ONE or weight[k + run - 1] < ONE:
            ready = held.own[0] == number
            if not ready and limit > 0:
                ready = _begin(held, number, hop, limit, before == ONE)
                if ready:
                    _make_hop(held, ring, number)
            for j in range(k, k + run):
                level = hold_level(held.own[1], start + j, hop, limit) if ready else np.float32(0.0)
                cover = (ONE - weight[j]) * level
                held_heard = held_heard or cover > 0
                dry_heard = dry_heard or cover + weight[j] < np.float32(0.999)
                if cover > 0:
                    for s in range(stems):
                        for c in range(2):
                            value = cover * held.hop[s, c, offset + j - k]
                            wet[s, c, j] += value
                            peaks[s] = max(peaks[s], abs(value))
        before = weight[k + run - 1]
        k += run
    return held_heard, dry_heard
