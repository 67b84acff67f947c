"""The inference thread: one compiled loop that lives from start to stop and never holds the GIL.

It waits on the semaphore that the callback posts, takes a hop from the input ring, separates it and
stamps the finished hop in the stem ring. A hop for which the model would come too late is separated by
the gains of the last good one (`held.py`), which takes a tenth of the time, and counted: the delay never
grows, and the overlap-add goes on without a hole.
"""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from . import board as b
from .atomics import load_acquire, store_release
from .board import Board
from .held import NEVER, held_at, publish_held
from .hop import (
    OK,
    forget_model,
    give_hop,
    hold_hop,
    learn_hop,
    record,
    reset,
    run_model,
    state_at,
    take_hop,
)
from .jit import compiled
from .native import call3, flush_denormals, set_float_mode
from .priority import Priority
from .ring import lapped, read_planar
from .separator import Separator
from .swap import adopt, offered, run_both, stamp_next
from .system import now_ns, sleep_ns

STOP_SECONDS = 2.0
HELD = -1  # a result of `_make_stems` beside those of hop.py
# what the loop remembers from hop to hop
_OVERLAP = 0  # frames of the transform that a hop of output consists of, but one
_BLIND = 1  # model runs to come whose output is not at its place (look-ahead after a skipped hop)
_MIXED = 2  # hops of output to come that consist of held frames in part
_AGE = 3  # how old those are, in hops
_RUN_NS = 4  # what a hop with a model run takes, a running mean


@compiled
def _catch_up(h, ring, state, course):
    """After being lapped: go on with the newest whole hop, from a fresh state."""
    hop = h[b.HOP]
    reset(state)
    course[_MIXED], course[_AGE] = h[b.DELAY_HOPS], -NEVER
    tail = (load_acquire(h, b.IN_HEAD) // hop) * hop
    h[b.LATE_HOPS] += (tail - h[b.IN_TAIL]) // hop
    store_release(h, b.IN_TAIL, tail)


@compiled
def _is_overdue(h, target):
    """Whether the output of a hop has been played already."""
    hop = h[b.HOP]
    if h[b.LOST_FROM] <= h[b.IN_TAIL] < h[b.LOST_UNTIL]:
        return True
    return (target + 1) * hop <= load_acquire(h, b.IN_HEAD) - h[b.DELAY]


@compiled
def _is_behind(h, target, run_ns):
    """Whether a hop begins a block or more after it could have and a model run would end too late."""
    head, hop = load_acquire(h, b.IN_HEAD), h[b.HOP]
    if h[b.CONCEAL] == 0 or head - h[b.IN_TAIL] - hop < h[b.MAX_FRAMES]:
        return False
    return (target * hop + h[b.DELAY] - head) * 1_000_000_000 < run_ns * h[b.RATE]


@compiled
def _make_stems(h, state, held, out, target, course, skipped):
    """Stems of the frame taken into `out`, by the model or else by the held gains; OK or HELD."""
    result = HELD if skipped else run_model(state)
    if skipped:
        course[_BLIND] = h[b.DELAY_HOPS] - course[_OVERLAP]
    else:
        h[b.HOPS] += 1
        if result == OK and course[_BLIND] > 0:  # its own delay line lacks a hop: misplaced
            course[_BLIND] -= 1
            result = HELD
    if result == OK:
        result = give_hop(state, out)
    if result == OK:
        learn_hop(state, held)
        held.source[0] = target
        return OK
    if result != HELD:
        h[b.MODEL_FAULTS] += 1
        forget_model(state, held, target)
        course[_BLIND] = h[b.DELAY_HOPS] - course[_OVERLAP]
    hold_hop(state, held, out)
    return HELD


@compiled
def _may_be_heard(h, held, course, target, result):
    """Whether a hop is good, or none of its frames is held from longer ago than allowed."""
    age = 0
    if result == HELD:
        age = target - held.source[0]
        course[_MIXED], course[_AGE] = course[_OVERLAP], age
    elif course[_MIXED] > 0:  # its beginning overlaps held frames
        course[_MIXED] -= 1
        age = course[_AGE]
    return age * h[b.HOP] <= h[b.CONCEAL]


@compiled
def _separate(h, stem_ring, state, held, audio, target, course):
    """One hop of input to the slot of its output, hop `target`; (the model ran, it may be heard)."""
    out = stem_ring[max(target, 0) % stem_ring.shape[0]]
    overdue = _is_overdue(h, target)
    skipped = overdue or _is_behind(h, target, course[_RUN_NS])
    take_hop(state, audio)
    result = _make_stems(h, state, held, out, target, course, skipped)
    state.cursor[0] += 1
    publish_held(held, target, state.overlap)
    if h[b.STALL_NS] > 0 and not skipped:
        sleep_ns(h[b.SLEEP], h[b.CLOCK_HZ], h[b.STALL_NS], np.empty(2, np.int64))
    heard = _may_be_heard(h, held, course, target, result) and target >= 0 and not overdue
    if overdue:
        h[b.LATE_HOPS] += 1
    elif skipped and heard:
        h[b.HELD_HOPS] += 1
    return not skipped, heard


@compiled
def _start_course(state, hop, course):
    """What the loop remembers, for a model that has just begun."""
    course[:] = 0
    course[_OVERLAP] = state.overlap.shape[1] // hop - 1


@compiled
def inference_loop(h, ring, stem_ring, stamps, hist):
    """Until STATE is STOPPING. Arrays as in `Board`, which says where the model's own memory is."""
    mode = flush_denormals()  # given back at the end: the loop is compiled in Python's main thread
    hop = h[b.HOP]
    audio, clock = np.empty((2, hop), np.float32), np.empty(2, np.int64)
    state, held, course = state_at(h[b.A_STATE]), held_at(h[b.A_HELD]), np.zeros(5, np.int64)
    record(state)
    reset(state)  # a thread that takes over from a lost one begins in the middle of the music
    _start_course(state, hop, course)
    course[_MIXED], course[_AGE] = h[b.DELAY_HOPS], -NEVER
    while load_acquire(h, b.STATE) != b.STOPPING:
        call3(h[b.WAIT], h[b.SEMAPHORE], h[b.FOREVER], 0)
        while load_acquire(h, b.IN_HEAD) - h[b.IN_TAIL] >= hop:
            if load_acquire(h, b.STATE) == b.STOPPING:
                break
            began = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock)
            tail = h[b.IN_TAIL]
            read_planar(ring, tail, audio)
            if lapped(ring, h, b.IN_HEAD, tail, b.MAX_BLOCK):
                _catch_up(h, ring, state, course)
                continue
            target = tail // hop - h[b.DELAY_HOPS]
            ran, heard = _separate(h, stem_ring, state, held, audio, target, course)
            swapping = offered(h, tail)
            if swapping:
                next_state, next_held = state_at(h[b.A_NEXT_STATE]), held_at(h[b.A_NEXT_HELD])
                swapping = run_both(h, ring, stem_ring, next_state, next_held, tail, audio)
            if heard:
                store_release(stamps, target % stamps.shape[0], target)
            if swapping:
                stamp_next(h, stem_ring, stamps, tail)
                adopt(h)
                state, held = next_state, next_held
                _start_course(state, hop, course)
            store_release(h, b.IN_TAIL, tail + hop)
            spent = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock) - began
            hist[min(spent // b.HOP_BIN_NS, b.HIST_BINS - 1)] += 1
            h[b.HOP_MAX_NS] = max(h[b.HOP_MAX_NS], spent)
            if ran:
                course[_RUN_NS] += (spent - course[_RUN_NS]) // 8
            else:  # one long run must not keep the model out for long
                course[_RUN_NS] -= course[_RUN_NS] // 32
    set_float_mode(mode)


@compiled
def _post(h):
    call3(h[b.POST], h[b.SEMAPHORE], 1, 0)


class InferenceThread:
    """Owner of the loop's thread. Setting STATE to STOPPING and `stop()` end it."""

    def __init__(self, board: Board, separator: Separator, priority: Priority) -> None:
        self._board, self._priority = board, priority
        board.header[b.A_STATE] = separator.state_table.ctypes.data
        board.header[b.A_HELD] = separator.held_table.ctypes.data
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
        )

    def _run(self) -> None:
        self.granted = self._priority.raise_thread()
        self._loop()

    def restart(self) -> None:
        """A new thread in place of one that is lost, which begins from a fresh state."""
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
