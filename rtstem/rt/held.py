"""What the engine remembers of the last good hop, to go on with when the model does not come.

Of each good hop the inference thread keeps one gain for every stem and frequency band (the real mask
that fits its stems best) and publishes it, with the tail of its overlap-add, for the audio callback
(`conceal.py`). The same gains on a later frame of the mixture are a separation that costs no model run.
36 bands, equal for both channels, lose about as little as a complex mask for every bin
(docs/performance.md has the comparison).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..model_spec import ModelSpec
from . import fft
from .atomics import store_release
from .jit import compiled
from .table import cube, matrix, table_at, vector
from .transform import analysis_window, synthesis_window

BANDS = 36
SLOTS = 32  # hops that the inference thread may be ahead of what is heard
NEVER = -(1 << 40)
F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


class Held(NamedTuple):
    """S stems, n FFT size (0: one band, no transform), H hop, O frames of overlap between hops."""

    marks: I64  # [SLOTS] hop (of the stems) whose tail the slot holds
    sources: I64  # [SLOTS] hop that the slot's gains are from
    newest: I64  # [1] hop that was published last
    source: I64  # [1] inference thread: hop that `now` is from
    now: F32  # [S, bands] inference thread: gains of the last good hop
    gains: F32  # [SLOTS, S, bands]
    tails: F32  # [SLOTS, S * 2, O]: what this hop adds to the next ones
    bands: I64  # [bins or n] band of each bin
    edges: I64  # [bands + 1] first bin of each band, number of bins
    window: F32  # [n] analysis
    synthesis: F32  # [O + H] with the inverse transform's 1 / n
    turns: F32  # [2, n]
    own: I64  # [2] callback: hop that lies in `hop`; hop that its gains are from
    overlap: F32  # [S * 2, O + H] callback: overlap-add of its own hops
    hop: F32  # [S, 2, H] callback: the stems it made last
    work_scratch: F32  # [6, n] callback


FIELDS = len(Held._fields)


def make_held(spec: ModelSpec | None) -> Held:
    """Memory for the model's stream; None: one that never holds anything."""
    stems, hop, tail = (2, 1, 0) if spec is None else _sizes(spec)
    size = spec.fft_size if spec is not None and spec.domain == "spectrum" else 0
    bands = _bands(size, 0 if spec is None else spec.sample_rate)
    if not fft.fits(size):
        size, bands = 0, np.zeros_like(bands)
    count = int(bands.max(initial=0)) + 1
    bins = 1 if spec is None else spec.bins if spec.domain == "spectrum" else hop
    edges = np.append(np.searchsorted(bands[:bins], np.arange(count)), bins)
    window = analysis_window(size, hop) if size else np.zeros(0, np.float32)
    synthesis = synthesis_window(size, hop, tail + hop) / np.float32(size) if size else window
    return Held(
        marks=np.full(SLOTS, NEVER, np.int64),
        sources=np.full(SLOTS, NEVER, np.int64),
        newest=np.full(1, NEVER, np.int64),
        source=np.full(1, NEVER, np.int64),
        now=np.full((stems, count), 1.0 / stems, np.float32),
        gains=np.full((SLOTS, stems, count), 1.0 / stems, np.float32),
        tails=np.zeros((SLOTS, stems * 2, tail), np.float32),
        bands=bands,
        edges=edges,
        window=window,
        synthesis=synthesis,
        turns=fft.turns(size) if size else np.zeros((2, 0), np.float32),
        own=np.full(2, NEVER, np.int64),
        overlap=np.zeros((stems * 2, tail + hop), np.float32),
        hop=np.zeros((stems, 2, hop), np.float32),
        work_scratch=np.zeros((6, size), np.float32),
    )


def _sizes(spec: ModelSpec) -> tuple[int, int, int]:
    return len(spec.stems), spec.hop, spec.synthesis_size - spec.hop


def _bands(size: int, rate: int) -> I64:
    """Bands of equal width on the ERB-rate scale (Glasberg & Moore 1990) for `size` bins of a
    two-sided spectrum."""
    bins = np.minimum(np.arange(size), size - np.arange(size))
    erb = np.log10(1.0 + 0.00437 * bins * rate / max(1, size))
    _, bands = np.unique(np.minimum(erb / max(erb.max(initial=0), 1e-9) * BANDS, BANDS - 1).astype(int),
                         return_inverse=True)  # fmt: skip
    return bands.astype(np.int64)


@compiled
def held_at(address):
    """The bundle whose table lies at `address`."""
    t = table_at(address, FIELDS)
    return Held(
        vector(t, 0, np.int64),
        vector(t, 1, np.int64),
        vector(t, 2, np.int64),
        vector(t, 3, np.int64),
        matrix(t, 4, np.float32),
        cube(t, 5, np.float32),
        cube(t, 6, np.float32),
        vector(t, 7, np.int64),
        vector(t, 8, np.int64),
        vector(t, 9, np.float32),
        vector(t, 10, np.float32),
        matrix(t, 11, np.float32),
        vector(t, 12, np.int64),
        matrix(t, 13, np.float32),
        cube(t, 14, np.float32),
        matrix(t, 15, np.float32),
    )


@compiled
def fit_gains(held, stems, mixture):
    """Gains of `stems[S, 2, bins]` against `mixture[2, bins]` (complex, or real samples as one band)
    into `now`: least squares in each band, within 0 to 1, together 1."""
    now, edges = held.now, held.edges
    for band in range(now.shape[1]):
        total = np.float32(0.0)
        for s in range(now.shape[0]):
            a, b, c, d = np.float32(1e-20), np.float32(0), np.float32(0), np.float32(0)
            for k in range(edges[band], edges[band + 1]):
                x, y = mixture[0, k], stems[s, 0, k]
                a += x.real * y.real
                b += x.imag * y.imag
                x, y = mixture[1, k], stems[s, 1, k]
                c += x.real * y.real
                d += x.imag * y.imag
            now[s, band] = max(a + b + c + d, np.float32(0.0))  # in silence equal parts
            total += now[s, band]
        for s in range(now.shape[0]):
            now[s, band] /= total


@compiled
def apply_gains(held, mixture, stems):
    """`stems[S, 2, bins]` as the held gains make them of `mixture[2, bins]`."""
    now, bands = held.now, held.bands
    for s in range(now.shape[0]):
        for c in range(2):
            for k in range(mixture.shape[1]):
                stems[s, c, k] = now[s, bands[k] if k < bands.shape[0] else 0] * mixture[c, k]


@compiled
def publish_held(held, number, overlap):
    """Gains, and what hop `number` leaves in `overlap[S * 2, O + H]`, for the callback."""
    slot = number % SLOTS
    store_release(held.marks, slot, NEVER)
    tail = held.tails.shape[2]
    for row in range(overlap.shape[0]):
        for k in range(tail):
            held.tails[slot, row, k] = overlap[row, k]
    for s in range(held.now.shape[0]):
        for band in range(held.now.shape[1]):
            held.gains[slot, s, band] = held.now[s, band]
    held.sources[slot] = held.source[0]
    store_release(held.marks, slot, number)
    store_release(held.newest, 0, number)
