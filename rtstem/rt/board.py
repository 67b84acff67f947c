"""The board: all memory that the audio callback, the inference thread and Python share.

One int64 header of named slots and a few plain arrays whose addresses stand in the header, so that the
C callback needs a single pointer. Every slot has one writer (named below); slots that two threads
watch are 8 slots (one cache line) apart. Real-time code counts, others format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .atomics import publish
from .held import make_held
from .system import SystemCalls
from .table import table_of

# -- shared positions, each alone in its cache line
IN_HEAD = 0  # callback: frames pushed into the input ring
IN_TAIL = 8  # inference: frames consumed
FEED_HEAD = 16  # Python: frames a file has put into the feed ring
FEED_TAIL = 24  # callback: frames taken out of it
SINK_HEAD = 32  # virtual device: frames put into the sink ring
SINK_TAIL = 40  # Python: frames taken out of it
STATE = 48  # Python: PRIMING, RUNNING or STOPPING
HEARTBEAT = 56  # callback: blocks so far, whatever the state
ENDED = 64  # callback: 1 when the feed and its tail have been played
FEED_EOF = 72  # Python: 1 when the file has nothing more
SCENE_HEAD = 144  # Python: scenes published so far
EVENT_HEAD = 152  # callback: scene changes noted
EVENT_TAIL = 160  # Python: scene changes read
TAP_HEAD = 168  # callback: output position up to which the tap is filled
TAP_ON = 176  # Python: 1 while someone records

# -- counters of the callback
BLOCKS = 80  # blocks while running
MISSED_BLOCKS = 81  # blocks that fell back to the dry signal
DEADLINE_MISSES = 82  # callbacks longer than their block
XRUNS = 83  # blocks with an under- or overflow flag of the host
NONFINITE = 84  # NaN or infinite input samples set to 0
FEED_UNDERFLOWS = 85  # blocks for which the file, or an input on its own clock, was not ready
MAX_FRAMES = 86  # largest block seen
BLOCK_STEP = 87  # gcd of all block sizes seen
OVERSIZED = 88  # blocks larger than MAX_BLOCK (silenced)
END_AT = 89  # input position at which the feed ended, -1 before
CALLBACK_MAX_NS = 90
CONCEALED_BLOCKS = 92  # blocks with held stems in place of good ones
SINK_OVERFLOWS = 91  # virtual device: frames lost because Python was late
SCENE_SEEN = 93  # the last scene taken over
TAP_FROM = 94  # output position of the tap's first block, NOWHERE before

# -- counters of the inference thread
HOPS = 96  # hops separated
LATE_HOPS = 97  # hops dropped because their output was due already
MODEL_FAULTS = 98  # hops with an ONNX Runtime error or non-finite stems
HELD_HOPS = 99  # hops for which the held gains took the model's place in time
HOP_MAX_NS = 100

# -- constants of a stream, written by Python before the start
RATE, IN_CHANNELS, OUT_CHANNELS, IN_LEFT, IN_RIGHT = 104, 105, 106, 107, 108
DELAY, HOP, DELAY_HOPS, STEMS, BUSES = 109, 110, 111, 112, 113
IN_FRAMES, SLOTS, FEED_FRAMES, SLEW_FRAMES = 114, 115, 116, 118
A_CAPTURE = 117  # header of a `Capture`: an input on a clock of its own; 0: there is none
CLOCK, CLOCK_ID, CLOCK_HZ, POST, WAIT, FOREVER, SEMAPHORE, SLEEP = range(119, 127)
STALL_NS = 127  # test hook: the inference thread sleeps this long in each hop
(
    A_INPUT, A_STEMS, A_STAMPS, A_FEED, A_SCENES, A_GAIN, A_EVENTS, A_ROUTE,
    A_METERS, A_CALLBACK_HIST, A_FADE, A_BUS, A_DRY, A_WET, A_WEIGHT, A_CLOCK,
) = range(128, 144)  # fmt: skip
A_KNOB, A_FILTER, A_DELTA, A_TAP, TAP_FRAMES, A_TAP_START = range(145, 151)
CONCEAL = 184  # frames for which held gains replace a missing hop; 0: never
A_HELD = 185  # table of the model's `Held`
HELD_IN_USE = 189  # callback: the one it takes held stems from, until a gap is over
A_STATE = 188  # table of the model's `HopState`
SWAP_OFFER = 192  # Python: number of the last model offered in place of the one that runs
SWAP_TAKEN = 200  # inference: number of the last offer taken, minus it where the model failed
A_NEXT_STATE, A_NEXT_HELD, A_NEXT_STEMS, NEXT_SLOTS, NEXT_TAIL, NEXT_DELAY_HOPS = range(208, 214)
LOST_FROM, LOST_UNTIL = 186, 187  # test hook: hops of the input in there count as overdue
HEADER_SLOTS = 216

PRIMING, RUNNING, STOPPING = 0, 1, 2
NOWHERE = -(1 << 62)

MAX_BLOCK = 8192
PRIMING_BLOCKS = 8  # blocks from which the host's block sizes are learnt
RING_FRAMES = 1 << 15
SCENES = 4096  # a recorder may be 0.8 s late in a flood of 5000 moves a second
EVENTS = 4096
HIST_BINS = 4096
CALLBACK_BIN_NS = 1_000  # 1 us a bin
HOP_BIN_NS = 10_000  # 10 us a bin


def _f32(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, np.float32)


@dataclass
class Board:
    """Arrays of one engine. Shapes: B buses, S stems, R ring frames, H hop, Q slots.

    Sample arrays are float32; `header` and `stamps` int64. Gains are linear.
    """

    stems: int
    buses: int
    hop: int
    delay_hops: int
    system: SystemCalls
    feed_frames: int = 0
    header: npt.NDArray[np.int64] = field(init=False)
    input: npt.NDArray[np.float32] = field(init=False)  # [R, 2], cleaned input
    stem_ring: npt.NDArray[np.float32] = field(init=False)  # [Q, S, 2, H]
    stamps: npt.NDArray[np.int64] = field(init=False)  # [Q] hop number whose stems lie in the slot
    feed: npt.NDArray[np.float32] = field(init=False)  # [feed_frames, 2]
    scenes: npt.NDArray[np.float32] = field(init=False)  # [SCENES, B+1, S+1] see publish_scene
    gain: npt.NDArray[np.float32] = field(init=False)  # [B, S+1] where the ramps are
    events: npt.NDArray[np.int64] = field(init=False)  # [EVENTS, 2] output position, scene number
    route: npt.NDArray[np.int64] = field(
        init=False
    )  # [B, 3] left, right channel (-1: none), 1: filters
    meters: npt.NDArray[np.float32] = field(init=False)  # [1 + B + 1, max(2, S)] peaks
    callback_hist: npt.NDArray[np.int64] = field(init=False)  # [HIST_BINS]
    hop_hist: npt.NDArray[np.int64] = field(init=False)  # [HIST_BINS]

    def __post_init__(self) -> None:
        slots = max(8, RING_FRAMES // self.hop)
        self.header = np.zeros(HEADER_SLOTS, np.int64)
        self.input = _f32(RING_FRAMES, 2)
        self.stem_ring = _f32(slots, self.stems, 2, self.hop)
        self.stamps = np.full(slots, -1, np.int64)
        self.feed = _f32(max(1, self.feed_frames), 2)
        self.scenes = np.ones((SCENES, self.buses + 1, self.stems + 1), np.float32)
        self.scenes[:, -1] = 0.0
        self.gain = np.ones((self.buses, self.stems + 1), np.float32)
        self.events = np.zeros((EVENTS, 2), np.int64)
        self.route = np.full((self.buses, 3), -1, np.int64)
        self.meters = _f32(self.buses + 2, max(2, self.stems))
        self.callback_hist = np.zeros(HIST_BINS, np.int64)
        self.hop_hist = np.zeros(HIST_BINS, np.int64)
        self._fade = np.ones(1, np.float32)  # state: 1 = stems in full, 0 = dry signal
        self._knob = _f32(3, self.stems)  # filter knobs; at work in this block; never at work
        self._filter = _f32(self.stems, 2, 2)
        self._delta_scratch = _f32(self.stems, 2, MAX_BLOCK)
        self._dry_scratch, self._bus_scratch = _f32(2, MAX_BLOCK), _f32(2, MAX_BLOCK)
        self._wet_scratch = _f32(self.stems, 2, MAX_BLOCK)
        self._weight_scratch = _f32(MAX_BLOCK)
        self._clock_scratch = np.zeros(2, np.int64)
        self._tap = _f32(0, 0)
        self._nothing_held = make_held(None)
        self._no_table = table_of(self._nothing_held)
        self.header[A_HELD] = self.header[HELD_IN_USE] = self._no_table.ctypes.data
        scene = (self.buses + 1) * (self.stems + 1)
        self.tap_start = _f32(
            2 * scene - self.stems - 1 + 5 * self.stems
        )  # see callback._begin_tap
        self._fill_header(slots)

    def _fill_header(self, slots: int) -> None:
        h, calls = self.header, self.system
        h[END_AT], h[TAP_FROM] = -1, NOWHERE
        h[HOP], h[DELAY_HOPS], h[STEMS], h[BUSES] = (
            self.hop,
            self.delay_hops,
            self.stems,
            self.buses,
        )
        h[IN_FRAMES], h[SLOTS], h[FEED_FRAMES] = RING_FRAMES, slots, self.feed_frames
        h[CLOCK], h[CLOCK_ID], h[CLOCK_HZ] = calls.clock, calls.clock_id, calls.clock_hz
        h[POST], h[WAIT], h[FOREVER] = calls.post, calls.wait, calls.forever
        h[SEMAPHORE], h[SLEEP] = calls.semaphore, calls.sleep
        for slot, array in self._addressed():
            h[slot] = array.ctypes.data

    def _addressed(self) -> list[tuple[int, npt.NDArray[np.generic]]]:
        return [
            (A_INPUT, self.input),
            (A_STEMS, self.stem_ring),
            (A_STAMPS, self.stamps),
            (A_FEED, self.feed),
            (A_SCENES, self.scenes),
            (A_GAIN, self.gain),
            (A_EVENTS, self.events),
            (A_ROUTE, self.route),
            (A_METERS, self.meters),
            (A_CALLBACK_HIST, self.callback_hist),
            (A_FADE, self._fade),
            (A_KNOB, self._knob),
            (A_FILTER, self._filter),
            (A_DELTA, self._delta_scratch),
            (A_BUS, self._bus_scratch),
            (A_DRY, self._dry_scratch),
            (A_WET, self._wet_scratch),
            (A_WEIGHT, self._weight_scratch),
            (A_CLOCK, self._clock_scratch),
            (A_TAP_START, self.tap_start),
        ]

    def publish_scene(self, scene: npt.NDArray[np.float32]) -> None:
        """Give the callback a scene `[B+1, S+1]`, all at once, from its next block on.

        A row for each bus: the stems' gains, then the bus's own; the last row holds the stems'
        filter knobs (-1 to 1). One thread at a time. The slot written is SCENES scenes old: the
        callback reads the newest.
        """
        number = int(self.header[SCENE_HEAD]) + 1
        self.scenes[number % SCENES] = scene
        publish(self.header, SCENE_HEAD, number)

    def open_tap(self, frames: int) -> npt.NDArray[np.float32]:
        """Let the callback fill a tap of `frames` (a power of two) from its next block on."""
        h = self.header
        if not len(self._tap):  # kept for good: the callback may still be writing to a closed tap
            self._tap = np.empty((frames, 3 + 2 * self.stems + 2 * self.buses), np.float32)
            self._tap.fill(0)  # and so that no page is missing when the callback comes
            h[A_TAP], h[TAP_FRAMES] = self._tap.ctypes.data, frames
        h[TAP_FROM] = NOWHERE
        publish(h, TAP_ON, 1)
        return self._tap

    def arrays(self) -> list[npt.NDArray[np.generic]]:
        """Everything the real-time threads touch (to be locked into memory)."""
        return [self.header, self.hop_hist, *(array for _, array in self._addressed())]
