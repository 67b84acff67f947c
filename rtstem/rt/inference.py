"""The inference thread: one compiled loop that lives from start to stop and never holds the GIL.

It waits on the semaphore that the callback posts, takes a hop from the input ring, separates it and
stamps the finished hop in the stem ring. A hop whose output is due already is dropped and counted:
the delay never grows.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from . import board as b
from .atomics import load_acquire, store_release
from .board import Board
from .hop import OK, reset, separate_hop, skip_hop
from .jit import compiled
from .native import call3, flush_denormals, set_float_mode
from .priority import Priority
from .ring import lapped, read_planar
from .separator import Separator
from .system import now_ns, sleep_ns

STOP_SECONDS = 2.0


@compiled
def _catch_up(h, ring, state):
    """After being lapped: go on with the newest whole hop, from a fresh state."""
    hop = h[b.HOP]
    reset(state)
    tail = (load_acquire(h, b.IN_HEAD) // hop) * hop
    h[b.LATE_HOPS] += (tail - h[b.IN_TAIL]) // hop
    store_release(h, b.IN_TAIL, tail)


@compiled
def _separate(h, stem_ring, stamps, state, audio, target, spoiled):
    """Separate one hop into its slot; returns how many outputs to come are still spoiled."""
    hop, delay = h[b.HOP], h[b.DELAY_HOPS]
    if (target + 1) * hop <= load_acquire(h, b.IN_HEAD) - h[b.DELAY]:
        skip_hop(state, audio)
        h[b.LATE_HOPS] += 1
        return delay
    slot = max(target, 0) % stamps.shape[0]
    result = separate_hop(state, audio, stem_ring[slot])
    if h[b.STALL_NS] > 0:
        sleep_ns(h[b.SLEEP], h[b.CLOCK_HZ], h[b.STALL_NS], np.empty(2, np.int64))
    h[b.HOPS] += 1
    if result != OK:
        h[b.MODEL_FAULTS] += 1
        return delay
    if spoiled > 0:
        return spoiled - 1
    if target >= 0:
        store_release(stamps, slot, target)
    return 0


@compiled
def inference_loop(h, ring, stem_ring, stamps, hist, state):
    """Until STATE is STOPPING. Arrays as in `Board`; `state` as in `HopState`."""
    mode = flush_denormals()  # given back at the end: the loop is compiled in Python's main thread
    hop = h[b.HOP]
    audio, clock = np.empty((2, hop), np.float32), np.empty(2, np.int64)
    spoiled = h[b.DELAY_HOPS]  # a thread that takes over begins in the middle of the music
    while load_acquire(h, b.STATE) != b.STOPPING:
        call3(h[b.WAIT], h[b.SEMAPHORE], h[b.FOREVER], 0)
        while load_acquire(h, b.IN_HEAD) - h[b.IN_TAIL] >= hop:
            if load_acquire(h, b.STATE) == b.STOPPING:
                break
            began = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock)
            tail = h[b.IN_TAIL]
            read_planar(ring, tail, audio)
            if lapped(ring, h, b.IN_HEAD, tail, b.MAX_BLOCK):
                _catch_up(h, ring, state)
                spoiled = h[b.DELAY_HOPS]
                continue
            target = tail // hop - h[b.DELAY_HOPS]
            spoiled = _separate(h, stem_ring, stamps, state, audio, target, spoiled)
            store_release(h, b.IN_TAIL, tail + hop)
            spent = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock) - began
            hist[min(spent // b.HOP_BIN_NS, b.HIST_BINS - 1)] += 1
            h[b.HOP_MAX_NS] = max(h[b.HOP_MAX_NS], spent)
    set_float_mode(mode)


@compiled
def _post(h):
    call3(h[b.POST], h[b.SEMAPHORE], 1, 0)


class InferenceThread:
    """Owner of the loop's thread. Setting STATE to STOPPING and `stop()` end it."""

    def __init__(self, board: Board, separator: Separator, priority: Priority) -> None:
        self._board, self._separator, self._priority = board, separator, priority
        self._thread = self._new_thread()
        self.granted = "normal priority"

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self._run, name="rtstem-inference", daemon=True)

    def start(self) -> None:
        """Compile or load the loop, then start the thread."""
        self._compile()
        self._thread.start()

    def _compile(self) -> None:
        """Run the loop once with STATE at STOPPING: it returns at once, but is compiled then."""
        state = self._board.header[b.STATE]
        self._board.header[b.STATE] = b.STOPPING
        self._loop()
        self._board.header[b.STATE] = state

    def _loop(self) -> None:
        board = self._board
        inference_loop(
            board.header,
            board.input,
            board.stem_ring,
            board.stamps,
            board.hop_hist,
            self._separator.state,
        )

    def _run(self) -> None:
        self.granted = self._priority.raise_thread()
        self._loop()

    def restart(self) -> None:
        """A new thread in place of one that is lost, from a fresh state."""
        self._separator.reset()
        self._thread = self._new_thread()
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the thread is gone, even where Python has not heard of its end."""
        task = Path(f"/proc/self/task/{self._thread.native_id}")
        gone = task.parent.exists() and not task.exists()
        return self._thread.is_alive() and not gone

    def stop(self) -> bool:
        """Wake the loop so that it sees STOPPING; False where it does not end in time."""
        _post(self._board.header)
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        return not self._thread.is_alive()
