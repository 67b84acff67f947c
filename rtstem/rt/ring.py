"""Single-producer single-consumer rings of stereo frames.

Two kinds, both float32 `[frames, 2]` (or `[frames, channels]`) with a power-of-two length and positions
that only grow:

- *waiting* rings (feed, sink): the producer never passes the consumer;
- the *overwriting* input ring: the callback must never wait, so it always writes; the inference thread
  reads and then asks whether it was lapped meanwhile.
"""

from __future__ import annotations

import numpy as np

from .atomics import fence, load_acquire, store_release
from .jit import compiled


@compiled
def finite(header, slot, value):
    """`value`, or silence in place of what is none, which `header[slot]` counts."""
    if np.isfinite(value):
        return value
    header[slot] += 1
    return np.float32(0.0)


@compiled
def push(ring, header, head_slot, tail_slot, block):
    """Producer of a waiting ring: append as many frames of `block` as fit; returns their number."""
    head = header[head_slot]
    free = ring.shape[0] - (head - load_acquire(header, tail_slot))
    count = min(free, block.shape[0])
    mask = ring.shape[0] - 1
    for k in range(count):
        for c in range(ring.shape[1]):
            ring[(head + k) & mask, c] = block[k, c]
    store_release(header, head_slot, head + count)
    return count


@compiled
def pop(ring, header, head_slot, tail_slot, block):
    """Consumer of a waiting ring: fill `block` with up to its length of frames; returns their number."""
    tail = header[tail_slot]
    count = min(load_acquire(header, head_slot) - tail, block.shape[0])
    mask = ring.shape[0] - 1
    for k in range(count):
        for c in range(ring.shape[1]):
            block[k, c] = ring[(tail + k) & mask, c]
    store_release(header, tail_slot, tail + count)
    return count


@compiled
def read_planar(ring, position, out):
    """Copy `out.shape[1]` frames from `position` (which may lie before 0: silence) to `out[2, n]`."""
    mask = ring.shape[0] - 1
    for k in range(out.shape[1]):
        place = (position + k) & mask
        out[0, k] = ring[place, 0]
        out[1, k] = ring[place, 1]


@compiled
def lapped(ring, header, head_slot, position, margin):
    """True where the writer of an overwriting ring may have touched frames from `position` on.

    `margin` is the largest block that it may be writing at this moment, in frames.
    """
    fence()
    return load_acquire(header, head_slot) + margin - position > ring.shape[0]
