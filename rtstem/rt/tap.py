"""The tap: what a recorder hears, all of it aligned: dry signal, stems and buses of every block.

An overwriting ring `[n, 2 + 2 S + 2 B + 1]` whose positions are output frames in input numbering: the
callback never waits for the reader, and a reader that was late knows what it missed. The last
column holds a block's length at its first frame, 0 elsewhere.
"""

from __future__ import annotations

import numpy as np

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
def keep(store, place, values):
    """Copy `values` to `store` from `place` on; returns the place behind them."""
    for k in range(values.shape[0]):
        store[place + k] = values[k]
    return place + values.shape[0]


@compiled
def finish_tap(tap, h, start, frames, opening):
    """Publish a block; an `opening` one fixes where the recording begins."""
    mask, lengths = tap.shape[0] - 1, tap.shape[1] - 1
    for k in range(frames):
        tap[(start + k) & mask, lengths] = np.float32(0.0)
    tap[start & mask, lengths] = np.float32(frames)
    store_release(h, b.TAP_HEAD, start + frames)
    if opening:
        store_release(h, b.TAP_FROM, start)
