"""A sound device that is only a clock: it calls the same compiled callback, from its own thread that
holds no GIL, and needs no sound card.

In lockstep mode it has no clock: it waits for the inference thread after each block (and for its feed
and sink), so that a run is deterministic and as fast as the machine allows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..rt import board as b
from ..rt.atomics import load_acquire
from ..rt.board import Board
from ..rt.jit import compiled
from ..rt.native import call_stream_callback
from ..rt.priority import Priority
from ..rt.ring import push
from ..rt.system import now_ns, sleep_ns

HOST_UNDERFLOW = 4  # paOutputUnderflow
STALL_NS = 100_000_000  # a clock this late is set anew, as a sound card would have dropped out
IDLE_NS = 50_000
FIFO_PRIORITY = 65
STOP_SECONDS = 2.0


@compiled
def _wait_idle(h, sink, frames, scratch):
    """Lockstep: until the worker is done, the feed has a block or has ended, the sink has room."""
    while load_acquire(h, b.STATE) != b.STOPPING:
        busy = load_acquire(h, b.IN_HEAD) - load_acquire(h, b.IN_TAIL) >= h[b.HOP]
        hungry = (
            h[b.FEED_FRAMES] > 0
            and load_acquire(h, b.FEED_EOF) == 0
            and load_acquire(h, b.FEED_HEAD) - h[b.FEED_TAIL] < frames
        )
        full = h[b.SINK_HEAD] - load_acquire(h, b.SINK_TAIL) + frames > sink.shape[0]
        if not (busy or hungry or full):
            return
        sleep_ns(h[b.SLEEP], h[b.CLOCK_HZ], IDLE_NS, scratch)


@compiled
def virtual_loop(h, callback, frames, silence, out, sink, lockstep):
    """Call `callback` for block after block until STATE is STOPPING or the feed has been played;
    in lockstep for one block.

    `silence` float32 [frames * input channels] is the input, `out` [frames, channels] the block,
    `sink` [n, channels] the ring that takes the output (n = 0: discarded).
    """
    scratch = np.empty(2, np.int64)
    start = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch)
    blocks, flags = 0, 0
    link = np.empty(2, np.int64)
    link[0], link[1] = h.ctypes.data, h[b.OUT_CHANNELS]
    while load_acquire(h, b.STATE) != b.STOPPING and h[b.ENDED] == 0:
        if lockstep and load_acquire(h, b.STATE) == b.RUNNING:
            _wait_idle(h, sink, frames, scratch)
        before = h[b.BLOCKS]
        call_stream_callback(
            callback, silence.ctypes.data, out.ctypes.data, frames, flags, link.ctypes.data
        )
        flags = 0
        if sink.shape[0] > 0 and h[b.BLOCKS] > before:  # not the blocks of the priming
            h[b.SINK_OVERFLOWS] += frames - push(sink, h, b.SINK_HEAD, b.SINK_TAIL, out)
        if lockstep:
            return
        blocks += 1
        due = start + blocks * frames * 1_000_000_000 // h[b.RATE]
        now = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch)
        if now < due:
            sleep_ns(h[b.SLEEP], h[b.CLOCK_HZ], due - now, scratch)
        elif now - due > STALL_NS:
            start, blocks, flags = now, 0, HOST_UNDERFLOW


class VirtualStream:
    """The virtual device with the same verbs as `DeviceStream`."""

    latency_frames = 0
    input_lost = False

    def __init__(
        self,
        callback: int,
        board: Board,
        *,
        block: int,
        sink: npt.NDArray[np.float32],
        priority: Priority,
        lockstep: bool,
        before_block: Callable[[int], None] | None = None,
    ) -> None:
        """`before_block`: for lockstep, called from Python with the position of the next frame."""
        self._callback, self._board, self._priority = callback, board, priority
        self._sink, self._lockstep, self._before = sink, lockstep, before_block
        self._silence = np.zeros(block * int(board.header[b.IN_CHANNELS]), np.float32)
        self._out = np.zeros((block, int(board.header[b.OUT_CHANNELS])), np.float32)
        self._thread = threading.Thread(target=self._run, name="rtstem-virtual", daemon=True)

    def _loop(self) -> None:
        virtual_loop(
            self._board.header,
            self._callback,
            len(self._out),
            self._silence,
            self._out,
            self._sink,
            self._lockstep,
        )

    def _run(self) -> None:
        if not self._lockstep:
            self._priority.raise_thread(FIFO_PRIORITY)
            self._loop()
            return
        header = self._board.header
        for _ in range(b.PRIMING_BLOCKS):
            self._loop()
        while header[b.STATE] == b.PRIMING:  # no block may slip in before `before_block`
            time.sleep(IDLE_NS * 1e-9)
        while header[b.STATE] == b.RUNNING and not header[b.ENDED]:
            if self._before is not None:
                self._before(int(header[b.IN_HEAD]))
            self._loop()

    def start(self) -> None:
        """Compile or load the loop (it returns at once while STATE is STOPPING), then start it."""
        header = self._board.header
        state, header[b.STATE] = header[b.STATE], b.STOPPING
        self._loop()
        header[b.STATE] = state
        self._thread.start()

    @property
    def active(self) -> bool:
        """False once the loop has ended."""
        return self._thread.is_alive()

    def stop(self, dead: bool = False) -> bool:
        """Wait for the loop's end (STATE must be STOPPING); False where it does not come."""
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        return not self._thread.is_alive()
