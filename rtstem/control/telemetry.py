"""Reads the board and says in numbers how the engine is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..rt import board as b
from ..rt.board import Board


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
    """Blocks for which the input file was not ready."""
    sink_overflows: int
    """Output frames lost because the reader of a virtual output was late."""
    input_peak: tuple[float, float]
    bus_peaks: Mapping[str, tuple[float, float]]
    stem_peaks: Mapping[str, float]
    """Peak of each stem after the first bus's fader, with decay."""
    latency_ms: float


def read_snapshot(
    board: Board, running: bool, stems: Sequence[str], buses: Sequence[str], latency_ms: float
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
        xruns=int(h[b.XRUNS]),
        nonfinite=int(h[b.NONFINITE]),
        model_faults=int(h[b.MODEL_FAULTS]),
        input_underflows=int(h[b.FEED_UNDERFLOWS]),
        sink_overflows=int(h[b.SINK_OVERFLOWS]),
        input_peak=meters.input_peak,
        bus_peaks=meters.bus_peaks,
        stem_peaks=meters.stem_peaks,
        latency_ms=latency_ms,
    )
