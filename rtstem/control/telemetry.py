"""Reads the board and says in numbers how the engine is doing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..rt import board as b
from ..rt import capture as c
from ..rt.board import Board
from ..rt.capture import Capture


@dataclass(frozen=True)
class Percentiles:
    """Durations in microseconds, to the resolution of the histogram; `count` of them."""

    p50: float
    p99: float
    p999: float
    max: float
    count: int


def percentiles(hist: npt.NDArray[np.int64], bin_ns: int, max_ns: int) -> Percentiles:
    """Percentiles (upper bin edges) of a histogram whose bins are `bin_ns` wide."""
    edges = np.cumsum(hist)
    total = int(edges[-1])
    if total == 0:
        return Percentiles(0.0, 0.0, 0.0, 0.0, 0)
    top = max_ns / 1000.0

    def at(share: float) -> float:
        edge = (int(np.searchsorted(edges, share * total)) + 1) * bin_ns / 1000.0
        return min(edge, top)

    return Percentiles(at(0.5), at(0.99), at(0.999), top, total)


@dataclass(frozen=True)
class Timings:
    """A look at all times so far, int64 histograms of HIST_BINS bins, and at the two clocks."""

    callback: npt.NDArray[np.int64]
    hop: npt.NDArray[np.int64]
    host_seconds: float
    """The system's monotonic clock."""
    stream_seconds: float
    """Input frames so far, by the nominal rate."""

    def since(self, before: Timings) -> tuple[Percentiles, Percentiles]:
        """Callbacks and hops between two looks."""
        return (
            _stretch(self.callback - before.callback, b.CALLBACK_BIN_NS),
            _stretch(self.hop - before.hop, b.HOP_BIN_NS),
        )


def _stretch(hist: npt.NDArray[np.int64], bin_ns: int) -> Percentiles:
    used = np.flatnonzero(hist)
    return percentiles(hist, bin_ns, (int(used[-1]) + 1) * bin_ns if len(used) else 0)


def read_timings(board: Board) -> Timings:
    """Copies of the histograms of `board`, and what its clock says."""
    h = board.header
    head, now = int(h[b.IN_HEAD]), time.monotonic()  # at once, before anything that takes time
    stream = head / max(1, int(h[b.RATE]))
    return Timings(board.callback_hist.copy(), board.hop_hist.copy(), now, stream)


@dataclass(frozen=True)
class Meters:
    """Linear peaks with decay."""

    input_peak: tuple[float, float]
    bus_peaks: Mapping[str, tuple[float, float]]
    stem_peaks: Mapping[str, float]
    """After the first bus's fader."""


def read_meters(board: Board, stems: Sequence[str], buses: Sequence[str]) -> Meters:
    """The meters alone: cheap enough for 30 looks a second."""
    first, *rows, peaks = board.meters.tolist()  # plain numbers are quicker than numpy's
    gains = board.gain[0].tolist()
    return Meters(
        input_peak=(first[0], first[1]),
        bus_peaks={name: (row[0], row[1]) for name, row in zip(buses, rows, strict=True)},
        stem_peaks={name: peaks[n] * gains[n] for n, name in enumerate(stems)},
    )


@dataclass(frozen=True)
class Clocks:
    """An input on a clock of its own."""

    ppm: float
    """How much faster than the output's clock it is, in millionths of what both say."""
    ring_ms: float
    """Audio between input and output, by their clocks: it stays where it is set."""
    resyncs: int
    """Jumps to the right place after a jump of one of the streams."""
    xruns: int
    """Blocks for which the input's host reported an overflow."""
    nonfinite: int


def read_clocks(capture: Capture) -> Clocks:
    """The state of `capture`."""
    h, servo = capture.header, capture.servo
    ring = float(servo[c.SET_POINT] + servo[c.AWAY])
    return Clocks(
        ppm=capture.ppm,
        ring_ms=1000 * ring / capture.input_rate,
        resyncs=int(h[c.RESYNCS]),
        xruns=int(h[c.HOST_FLAGS]),
        nonfinite=int(h[c.NONFINITE]),
    )


@dataclass(frozen=True)
class Snapshot:
    """State of a running engine. Peaks are linear, times microseconds unless named otherwise."""

    running: bool
    seconds: float
    callback_us: Percentiles
    hop_us: Percentiles
    load: float
    """Median time of a hop's work as a share of the hop."""
    blocks: int
    hops: int
    late_hops: int
    held_hops: int
    """Late hops that the inference thread replaced in time, by the last masks."""
    concealed_blocks: int
    """Blocks in which the callback used the last masks because no stems had come."""
    missed_blocks: int
    """Blocks in which the dry signal was heard in place of stems."""
    deadline_misses: int
    """Callbacks that took longer than their block."""
    xruns: int
    """Blocks for which the host reported an under- or overflow."""
    nonfinite: int
    model_faults: int
    input_underflows: int
    """Blocks for which the input file, or an input on its own clock, was not ready."""
    sink_overflows: int
    """Output frames lost because the reader of a virtual output was late."""
    input_peak: tuple[float, float]
    bus_peaks: Mapping[str, tuple[float, float]]
    stem_peaks: Mapping[str, float]
    """Peak of each stem after the first bus's fader, with decay."""
    latency_ms: float
    clocks: Clocks | None = None
    """Where the input has a clock of its own."""


def read_snapshot(
    board: Board,
    running: bool,
    stems: Sequence[str],
    buses: Sequence[str],
    latency_ms: float,
    clocks: Clocks | None = None,
) -> Snapshot:
    """Snapshot of `board`, whose counters may move while it is read."""
    h = board.header
    hop_us = percentiles(board.hop_hist, b.HOP_BIN_NS, int(h[b.HOP_MAX_NS]))
    rate = max(1, int(h[b.RATE]))
    meters = read_meters(board, stems, buses)
    return Snapshot(
        running=running,
        seconds=int(h[b.IN_HEAD]) / rate,
        callback_us=percentiles(board.callback_hist, b.CALLBACK_BIN_NS, int(h[b.CALLBACK_MAX_NS])),
        hop_us=hop_us,
        load=hop_us.p50 * rate / (1e6 * board.hop),
        blocks=int(h[b.BLOCKS]),
        hops=int(h[b.HOPS]),
        late_hops=int(h[b.LATE_HOPS]),
        held_hops=int(h[b.HELD_HOPS]),
        concealed_blocks=int(h[b.CONCEALED_BLOCKS]),
        missed_blocks=int(h[b.MISSED_BLOCKS]),
        deadline_misses=int(h[b.DEADLINE_MISSES]),
        xruns=int(h[b.XRUNS]) + (clocks.xruns if clocks else 0),
        nonfinite=int(h[b.NONFINITE]) + (clocks.nonfinite if clocks else 0),
        model_faults=int(h[b.MODEL_FAULTS]),
        input_underflows=int(h[b.FEED_UNDERFLOWS]),
        sink_overflows=int(h[b.SINK_OVERFLOWS]),
        input_peak=meters.input_peak,
        bus_peaks=meters.bus_peaks,
        stem_peaks=meters.stem_peaks,
        latency_ms=latency_ms,
        clocks=clocks,
    )
