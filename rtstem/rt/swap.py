"""Another model in place of the one that runs, between two hops and at the same delay.

A thread of its own feeds the new model with what the ring remembers and then with what comes, until its
memory is warm, and offers it at a known position. The inference thread runs both models for one hop
there, crossfades their stems over it and goes on with the new one alone. Both sets of stems sum to the
dry signal, so the mix with all faders up does not change by a bit.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from . import board as b
from .atomics import load_acquire, store_release
from .held import publish_held
from .hop import OK, give_hop, learn_hop, run_model, take_hop
from .jit import compiled
from .native import as_pointer, flush_denormals, set_float_mode
from .ring import lapped, read_planar

HISTORY_FRAMES = 1 << 14  # what is fed at once; the rest of the ring is the time that this may take
MAX_BEHIND = 2  # hops that the inference thread makes up for by itself
LAPPED = -1


@compiled
def run_next(state, held, audio, stems, number):
    """One hop of the new model, hop `number` of the output, to its place in `stems[n, S, 2, hop]`; OK
    or what failed."""
    take_hop(state, audio)
    result = run_model(state)
    if result == OK:
        result = give_hop(state, stems[number % stems.shape[0]])
    if result != OK:
        return result
    learn_hop(state, held)
    held.source[0] = number
    state.cursor[0] += 1
    publish_held(held, number, state.overlap)
    return OK


@compiled
def feed(h, ring, state, held, stems, audio, position, offering):
    """Let the new model hear all whole hops from `position` on, and offer it then if `offering`.

    The board says what is offered. Returns (result, position reached; LAPPED: start again).
    """
    hop, delay_hops, result = h[b.HOP], h[b.NEXT_DELAY_HOPS], OK
    mode = flush_denormals()
    while load_acquire(h, b.IN_HEAD) - position >= hop and result == OK:
        read_planar(ring, position, audio)
        if lapped(ring, h, b.IN_HEAD, position, b.MAX_BLOCK):
            position = LAPPED
            break
        result = run_next(state, held, audio, stems, position // hop - delay_hops)
        position += hop
    if offering and result == OK and position >= 0:
        h[b.NEXT_TAIL] = position
        store_release(h, b.SWAP_OFFER, h[b.SWAP_OFFER] + 1)
    set_float_mode(mode)
    return result, position


@compiled
def offered(h, tail):
    """Whether there is an offer that fits the hop of input at `tail`."""
    if load_acquire(h, b.SWAP_OFFER) == abs(h[b.SWAP_TAKEN]):
        return False
    if tail - h[b.NEXT_TAIL] > MAX_BEHIND * h[b.HOP]:
        refuse(h)
        return False
    on_time = load_acquire(h, b.IN_HEAD) - tail - h[b.HOP] < h[b.MAX_FRAMES]
    return on_time and tail >= h[b.NEXT_TAIL]


@compiled
def refuse(h):
    """The offer cannot be taken: Python may make another one."""
    store_release(h, b.SWAP_TAKEN, -h[b.SWAP_OFFER])


@compiled
def _crossfade(old, new):
    """From the stems `old[S, 2, hop]` to `new` over the hop, into `old`."""
    step = np.float32(1.0 / old.shape[2])
    for s in range(old.shape[0]):
        for c in range(2):
            for k in range(old.shape[2]):
                old[s, c, k] += np.float32(k + 1) * step * (new[s, c, k] - old[s, c, k])


@compiled
def run_both(h, ring, stem_ring, state, held, tail, audio):
    """The new model's part of the hop of input at `tail`, which the old one has separated: hear what
    came since the offer, crossfade over the first hop of output that both have. False where the model
    failed: the old one goes on."""
    hop, slots = h[b.HOP], stem_ring.shape[0]
    shape = (h[b.NEXT_SLOTS], stem_ring.shape[1], 2, hop)
    stems = carray(as_pointer(h[b.A_NEXT_STEMS]), shape, np.float32)
    for position in range(h[b.NEXT_TAIL], tail + hop, hop):
        read_planar(ring, position, audio)
        if run_next(state, held, audio, stems, position // hop - h[b.NEXT_DELAY_HOPS]) != OK:
            refuse(h)
            return False
    first = tail // hop - max(h[b.DELAY_HOPS], h[b.NEXT_DELAY_HOPS])
    if first >= 0:
        _crossfade(stem_ring[first % slots], stems[first % stems.shape[0]])
    return True


@compiled
def stamp_next(h, stem_ring, stamps, tail):
    """Hops that the new model has ready already because it looks ahead less than the old one; where it
    looks ahead more, those that are the old one's still are no longer ready: it will make them."""
    hop, slots = h[b.HOP], stem_ring.shape[0]
    shape = (h[b.NEXT_SLOTS], stem_ring.shape[1], 2, hop)
    stems = carray(as_pointer(h[b.A_NEXT_STEMS]), shape, np.float32)
    old, new = tail // hop - h[b.DELAY_HOPS], tail // hop - h[b.NEXT_DELAY_HOPS]
    for number in range(max(0, old + 1), new + 1):
        stem_ring[number % slots] = stems[number % stems.shape[0]]
        store_release(stamps, number % slots, number)
    for number in range(max(0, new + 1), old + 1):
        store_release(stamps, number % slots, -1)


@compiled
def adopt(h):
    """The new model is the engine's from the next hop on."""
    h[b.A_STATE] = h[b.A_NEXT_STATE]
    h[b.DELAY_HOPS] = h[b.NEXT_DELAY_HOPS]
    store_release(h, b.A_HELD, h[b.A_NEXT_HELD])
    store_release(h, b.SWAP_TAKEN, h[b.SWAP_OFFER])
