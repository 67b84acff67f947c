"""Band levels of the stems as they are heard now, from what lies in the stem ring anyway.

Called by whoever draws them, never by the real-time threads, which do not know of it.
"""

from __future__ import annotations

import numpy as np
from rocket_fft import r2c

from . import board as b
from .atomics import load_acquire
from .jit import compiled


@compiled
def gather_heard(h, ring, stamps, window, frames):
    """The last `frames.shape[1]` frames heard of each stem, both channels added, to `frames[S, n]`.

    `ring` and `stamps` as in `Board`, n is a number of whole hops. A hop that was late is silent.
    """
    hop = ring.shape[3]
    hops = frames.shape[1] // hop
    newest = (load_acquire(h, b.IN_HEAD) - h[b.DELAY]) // hop
    for n in range(hops):
        number = newest - hops + n
        slot = number % stamps.shape[0]
        there = load_acquire(stamps, slot) == number
        for s in range(frames.shape[0]):
            for k in range(hop):
                place = n * hop + k
                value = ring[slot, s, 0, k] + ring[slot, s, 1, k]
                frames[s, place] = window[place] * value if there else np.float32(0.0)


@compiled
def band_levels(spectra, gains, edges, floor_db, levels):
    """Power of `spectra[S, bins]` between the bins `edges[N + 1]`, in dB, to `levels[S, N]` bytes.

    0 stands for `floor_db` and less, 255 for 0 dB; `gains[S]` are linear.
    """
    for s in range(levels.shape[0]):
        for n in range(levels.shape[1]):
            power = 1e-20
            for k in range(edges[n], edges[n + 1]):
                power += spectra[s, k].real ** 2 + spectra[s, k].imag ** 2
            db = 10.0 * np.log10(power * gains[s] ** 2 + 1e-20)
            share = (db - floor_db) / -floor_db
            levels[s, n] = np.uint8(255.0 * min(1.0, max(0.0, share)) + 0.5)


@compiled
def look(h, ring, stamps, gains, window, frames, spectra, axes, edges, floor_db, levels):
    """One look: `frames` and `spectra` are scratch, `levels[S, N]` the result."""
    gather_heard(h, ring, stamps, window, frames)
    r2c(frames, spectra, axes, True, 1.0, 1)
    band_levels(spectra, gains, edges, floor_db, levels)
