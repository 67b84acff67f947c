"""The input of a stream of its own: its callback, and the ring that it shares with the output's.

The ring always takes what comes (rt/pull.py reads it at its own pace). Beside each block stands a mark:
how many frames there were, and when, by the input's own clock. Every slot has one writer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import carray

from . import board as b
from .atomics import load_acquire, store_release
from .clock import CLOCK_VALUES, begin, tick
from .jit import c_callback, compiled
from .native import STREAM_SIGNATURE, as_address, as_pointer
from .resample import make_table, reach
from .ring import finite
from .system import SystemCalls, now_ns

PA_CONTINUE, PA_ABORT = 0, 2

# -- int64 slots; those that two threads watch are a cache line apart
HEAD = 0  # input callback: frames pushed
MARKS = 8  # input callback: blocks pushed
# input callback
MAX_FRAMES, NONFINITE, HOST_FLAGS = 16, 17, 18
# output callback
GAP = 24  # frames since the ring ran dry, GONE: long ago; 0: it has not
OUT_FRAMES, BEGUN, RESYNCS = 25, 26, 27
# constants of a stream
CHANNELS, LEFT, RIGHT, TAPS, ORIGIN, CLOCK, CLOCK_ID, CLOCK_HZ = range(32, 40)
(
    A_RING, A_TABLE, A_MARKS, A_SEEN, A_IN_CLOCK, A_OUT_CLOCK, A_SERVO, A_BLOCK, A_OLD, A_IN_TIME,
) = range(40, 50)  # fmt: skip
SLOTS = 56

# -- float64, the output callback's
POSITION = 0  # frame of the ring that is heard next
SET_POINT = 1  # how far behind the input's clock that ought to be (Python, before the start)
SLACK = 2  # further off than this is put right at once (Python)
AWAY = 3  # how much further behind it is
PACE = 4  # frames of the input for one of the output
SERVO_VALUES = 8

FRAMES = 1 << 15
MARK_ROWS, MARK = 8, 5  # the first values of the clock
GONE = 2048  # frames in which what is played for lack of input fades away
FADE = 64
PRIMING_MARKS = 8


class Capture:
    """Memory of one input stream, and what Python asks of it."""

    def __init__(self, system: SystemCalls, channels: int, pair: tuple[int, int]) -> None:
        """`channels` of the device, of which `pair` (from 0) is heard."""
        self.header = np.zeros(SLOTS, np.int64)
        self.ring = np.zeros((2, 2 * FRAMES), np.float32)  # twice, one behind the other
        self.marks = np.zeros((MARK_ROWS, MARK), np.float64)
        self.seen = np.zeros(MARK, np.float64)
        self.in_clock, self.out_clock = np.zeros((2, CLOCK_VALUES), np.float64)
        self.servo = np.zeros(SERVO_VALUES, np.float64)
        self.block = np.zeros((2, b.MAX_BLOCK), np.float32)
        self.old = np.zeros((2, FADE), np.float32)
        self._time = np.zeros(2, np.int64)
        h = self.header
        h[CHANNELS], (h[LEFT], h[RIGHT]) = channels, pair
        h[CLOCK], h[CLOCK_ID], h[CLOCK_HZ] = system.clock, system.clock_id, system.clock_hz
        self.reset(1, 1)

    def reset(self, input_rate: int, output_rate: int) -> None:
        """Before streams of these rates (Hz) begin; no callback may be under way."""
        h = self.header
        h[:CHANNELS] = 0
        h[GAP] = GONE
        self.servo[:] = 0.0
        begin(self.in_clock, input_rate)
        begin(self.out_clock, output_rate)
        self.input_rate, self.ratio = input_rate, input_rate / output_rate
        self.table = make_table(self.ratio)
        h[TAPS] = self.table.shape[1]
        for slot, array in self._addressed():
            h[slot] = array.ctypes.data
        h[ORIGIN] = now_ns(h[CLOCK], h[CLOCK_ID], h[CLOCK_HZ], self._time)

    def _addressed(self) -> list[tuple[int, npt.NDArray[np.generic]]]:
        return [
            (A_RING, self.ring),
            (A_TABLE, self.table),
            (A_MARKS, self.marks),
            (A_SEEN, self.seen),
            (A_IN_CLOCK, self.in_clock),
            (A_OUT_CLOCK, self.out_clock),
            (A_SERVO, self.servo),
            (A_BLOCK, self.block),
            (A_OLD, self.old),
            (A_IN_TIME, self._time),
        ]

    def arrays(self) -> list[npt.NDArray[np.generic]]:
        """Everything the real-time threads touch (to be locked into memory)."""
        return [self.header, *(array for _, array in self._addressed())]

    @property
    def primed(self) -> bool:
        """True when enough blocks have come to know their size."""
        return bool(self.header[MARKS] >= PRIMING_MARKS)

    def delay_frames(self, block: int, margin: int) -> int:
        """Frames of the output that the ring costs where the output has blocks of up to `block` and
        each callback may be `margin` late: one block, the resampler's reach, and the margin."""
        return block + math.ceil((reach(self.ratio) + 1) / self.ratio) + margin

    def hold(self, delay: int, slack: int) -> None:
        """Keep the ring at a delay of so many output frames from now on, and within `slack`."""
        self.servo[SET_POINT] = self.header[MAX_FRAMES] + delay * self.ratio
        self.servo[SLACK] = slack * self.ratio

    @property
    def ppm(self) -> float:
        """How much faster than the output's clock the input's is, in millionths."""
        pace = float(self.servo[PACE])
        return 1e6 * (pace / self.ratio - 1.0) if pace else 0.0


@compiled
def floats(h, slot, shape):
    """A float64 array of the capture whose header is `h`."""
    return carray(as_pointer(h[slot]), shape, np.float64)


@compiled
def seconds(h, nanoseconds):
    """The system's monotonic time as seconds since the streams began, so that float64 is exact."""
    return (nanoseconds - h[ORIGIN]) * 1e-9


@compiled
def _push(h, samples, frames):
    """The heard pair of one interleaved block into both halves of the ring."""
    ring = carray(as_pointer(h[A_RING]), (2, 2 * FRAMES), np.float32)
    channels, head = h[CHANNELS], h[HEAD]
    for k in range(frames):
        place = (head + k) & (FRAMES - 1)
        left = finite(h, NONFINITE, samples[k * channels + h[LEFT]])
        right = finite(h, NONFINITE, samples[k * channels + h[RIGHT]])
        ring[0, place] = ring[0, place + FRAMES] = left
        ring[1, place] = ring[1, place + FRAMES] = right


@compiled
def push_block(h, samples, frames, flags, now):
    """One block of the input stream, called at `now` (ns); `h` is the capture's header."""
    _push(h, samples, frames)
    head = h[HEAD] + frames
    clock = floats(h, A_IN_CLOCK, (CLOCK_VALUES,))
    tick(clock, seconds(h, now), head)
    marks = floats(h, A_MARKS, (MARK_ROWS, MARK))
    for n in range(MARK):
        marks[h[MARKS] % MARK_ROWS, n] = clock[n]
    h[MAX_FRAMES] = max(h[MAX_FRAMES], frames)
    if flags != 0:
        h[HOST_FLAGS] += 1
    store_release(h, HEAD, head)
    store_release(h, MARKS, h[MARKS] + 1)


@c_callback(STREAM_SIGNATURE)
def capture_callback(inp, _out, frames, _time, flags, userdata):
    """The PaStreamCallback of an input stream; `userdata` as in callback.stream_callback."""
    header = load_acquire(carray(userdata, (2,), np.int64), 0)
    if header == 0:
        return PA_ABORT
    h = carray(as_pointer(header), (SLOTS,), np.int64)
    scratch = carray(as_pointer(h[A_IN_TIME]), (2,), np.int64)
    now = now_ns(h[CLOCK], h[CLOCK_ID], h[CLOCK_HZ], scratch)
    if as_address(inp) != 0:
        samples = carray(inp, (np.int64(frames) * h[CHANNELS],), np.float32)
        push_block(h, samples, np.int64(frames), np.int64(flags), now)
    return PA_CONTINUE
