"""Another model while it plays: whether it fits the stream, and the work that leads to the hand-over.

Everything here runs in the caller's thread, beside the audio; `rt/swap.py` has what happens between two
hops. The new separator may be any that fits: another model, or the same one by another provider.
"""

from __future__ import annotations

import time

import numpy as np

from .errors import EngineError, ModelError
from .latency import Latency, engine_latency
from .model_spec import ModelSpec
from .resources import listing
from .rt import board as b
from .rt.atomics import observe
from .rt.board import Board
from .rt.hop import OK
from .rt.priority import lock_memory
from .rt.separator import Separator
from .rt.swap import HISTORY_FRAMES, MAX_BEHIND, feed

WARM_SECONDS = 1.0  # of music that a model has heard before it is heard
OFFERS = 20
OUTAGE_SECONDS = 5.0  # without audio, until it is given up
POLL_SECONDS = 0.002
NOT_YET = 1 << 60


def check_fit(new: ModelSpec, old: ModelSpec, latency: Latency, safety_hops: float) -> None:
    """Raise ModelError, naming the cure, where `new` cannot follow `old` in a running stream."""
    cure = f"stop, and start rtstem with --model {new.path}"
    if new.stems != old.stems:
        raise ModelError(
            f"{new.path}: has the stems {listing(new.stems)}, the desk {listing(old.stems)}; {cure}"
        )
    if latency.rate not in new.rates:
        rates = listing(map(str, new.rates))
        raise ModelError(f"{new.path}: runs at {rates} Hz, the stream at {latency.rate}; {cure}")
    if new.hop != old.hop:
        raise ModelError(
            f"{new.path}: works in hops of {new.hop} frames, the stream in {old.hop}; {cure}"
        )
    needed = engine_latency(
        rate=latency.rate,
        block=latency.block,
        block_step=latency.block - latency.alignment,
        hop=new.hop,
        synthesis_size=new.synthesis_size,
        lookahead_hops=new.lookahead_hops,
        safety_hops=safety_hops,
    ).core
    if needed > latency.core:
        raise ModelError(
            f"{new.path}: needs a delay of {needed} frames, the stream has {latency.core} and"
            f" keeps it; {cure}"
        )


def take_over(board: Board, new: Separator, warm_seconds: float, locked: bool) -> None:
    """Let `new`, which must fit, take the place of the separator that runs on `board`.

    Returns when it has; `locked`: its masks belong into locked memory. Raises ModelError or
    EngineError; the old one plays on then, and `new` is closed.
    """
    swap = ModelSwap(board, new)
    try:
        new.warm_up()
        if locked:
            lock_memory(new.held)
        prepare(board, new)  # on a new machine that takes longer than the patience of a hand-over
        swap.run(warm_seconds)
    except BaseException:
        if swap.outstanding:
            _abandoned.append(new)
        else:
            new.close()
        raise


def prepare(board: Board, separator: Separator) -> None:
    """Compile what a later hand-over to `separator` runs, so that it begins at once."""
    spec = separator.spec
    stems = np.zeros((1, len(spec.stems), 2, spec.hop), np.float32)
    audio = np.zeros((2, spec.hop), np.float32)
    feed(
        board.header, board.input, separator.state, separator.held, stems, audio, NOT_YET, False
    )  # hears nothing: the position is far in the future


class ModelSwap:
    """One hand-over from the separator that runs on `board` to another one."""

    def __init__(self, board: Board, separator: Separator) -> None:
        """`separator` must fit (`check_fit`) and be warmed up."""
        self._board, self._separator = board, separator
        spec, header = separator.spec, board.header
        delay_hops = spec.delay_frames // spec.hop
        slots = max(0, int(header[b.DELAY_HOPS]) - delay_hops) + MAX_BEHIND + 2
        self._stems = np.zeros((slots, len(spec.stems), 2, spec.hop), np.float32)
        self._audio = np.zeros((2, spec.hop), np.float32)
        header[b.A_NEXT_STATE] = separator.state_table.ctypes.data
        header[b.A_NEXT_HELD] = separator.held_table.ctypes.data
        header[b.A_NEXT_STEMS], header[b.NEXT_SLOTS] = self._stems.ctypes.data, slots
        header[b.NEXT_DELAY_HOPS] = delay_hops

    def run(self, warm_seconds: float = WARM_SECONDS) -> None:
        """Feed the new model, offer it, and return when it has taken over.

        `warm_seconds`: what it must have heard; 0: only what the ring remembers. Raises EngineError
        where it fails or never keeps up; the old one plays on.
        """
        self._patience = time.monotonic() + warm_seconds + OUTAGE_SECONDS
        began = position = self._start()
        warm = warm_seconds * int(self._board.header[b.RATE]) if position else 0
        for _ in range(OFFERS):
            position = self._feed(position, offering=False)
            while 0 <= position < min(began + warm, position + 1):
                self._wait()
                position = self._feed(position, offering=False)
            position = self._feed(position, offering=True)
            if position >= 0 and self._taken():
                return
            if position < 0:
                began = position = self._start()
        raise EngineError(
            f"{self._separator.spec.path}: too slow to take over here; the old model plays on, close"
            " other programs or choose a smaller one"
        )

    @property
    def outstanding(self) -> bool:
        """Whether the real-time side may still take the new model."""
        h = self._board.header
        return abs(int(observe(h, b.SWAP_TAKEN))) != int(h[b.SWAP_OFFER])

    def _start(self) -> int:
        """Where the ring's memory begins, from a fresh state."""
        self._separator.reset()
        hop = self._separator.spec.hop
        return max(0, int(observe(self._board.header, b.IN_HEAD)) - HISTORY_FRAMES) // hop * hop

    def _feed(self, position: int, offering: bool) -> int:
        if position < 0:
            return position
        result, position = feed(
            self._board.header,
            self._board.input,
            self._separator.state,
            self._separator.held,
            self._stems,
            self._audio,
            position,
            offering,
        )
        if result != OK:
            path, words = self._separator.spec.path, self._separator.failure(result)
            raise EngineError(f"{path}: {words}; the old model plays on")
        return int(position)

    def _taken(self) -> bool:
        """True when the offer has been taken, False when it was refused."""
        h = self._board.header
        while self.outstanding:
            self._wait()
        return int(h[b.SWAP_TAKEN]) > 0

    def _wait(self) -> None:
        stopping = self._board.header[b.STATE] == b.STOPPING
        if stopping or time.monotonic() > self._patience:
            raise EngineError("no audio comes; the model was not changed")
        time.sleep(POLL_SECONDS)


_abandoned: list[Separator] = []
"""Offered to an inference thread that hangs: it may still use their memory, which must not be freed."""
