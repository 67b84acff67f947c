"""The tap: what a recorder hears, all of it aligned: dry signal, stems and buses of every block.

An overwriting ring `[n, 2 + 2 S + 2 B]` whose positions are output frames in input numbering: the
callback never waits for the reader, and a reader that was late knows what it missed.
"""

from __future__ import annotations

from . import board as b
from .atomics import load_acquire, store_release
from .jit import compiled


@compiled
def tap_pair(tap, start, frames, channel, samples):
    """Write `samples[2, frames]` as `channel` and the next one of output frames `start` on."""
    mask = tap.shape[0] - 1
    for k in range(frames):
        place = (start + k) & mask
        tap[place, channel] = samples[0, k]
        tap[place, channel + 1] = samples[1, k]


@compiled
def read_tap(tap, h, position, block):
    """Copy up to the length of `block[n, channels]` from `position` on; returns (first, count).

    `first` is later than `position` where the writer has overtaken the reader meanwhile.
    """
    head = load_acquire(h, b.TAP_HEAD)
    first = max(position, head - tap.shape[0] + 2 * b.MAX_BLOCK)
    count = min(block.shape[0], head - first)
    mask = tap.shape[0] - 1
    for k in range(count):
        block[k] = tap[(first + k) & mask]
    if load_acquire(h, b.TAP_HEAD) + b.MAX_BLOCK - first > tap.shape[0]:
        return load_acquire(h, b.TAP_HEAD), 0  # lapped while copying: skip to the newest
    return first, max(0, count)


@compiled
def finish_tap(h, start, frames):
    """Publish a block; the first one fixes where the recording begins."""
    if h[b.TAP_FROM] == b.NOWHERE:
        h[b.TAP_FROM] = start
    store_release(h, b.TAP_HEAD, start + frames)
