"""Short-time Fourier transform with an asymmetric window, one hop at a time, and its inverse.

Analysis sees `fft_size` samples, synthesis uses only the last `synthesis_size` of them: long window
for frequency resolution, short one for delay (Mauler & Martin, "A low delay, variable resolution,
perfect reconstruction spectral analysis-synthesis system", EUSIPCO 2007).
The spectrum is scaled by `2 / sum(analysis window)`: a full-scale sine has magnitude 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rocket_fft import c2r, r2c

from .jit import compiled

LAST_AXIS = np.array([1])


def analysis_window(fft_size: int, hop: int) -> npt.NDArray[np.float32]:
    """`[fft_size]`: quarter sine over all but the last hop, quarter cosine over the last hop."""
    rise = np.sin(np.pi / 2 * (np.arange(fft_size - hop) + 0.5) / (fft_size - hop))
    fall = np.cos(np.pi / 2 * (np.arange(hop) + 0.5) / hop)
    return np.concatenate([rise, fall]).astype(np.float32)


def synthesis_window(fft_size: int, hop: int, synthesis_size: int) -> npt.NDArray[np.float32]:
    """`[synthesis_size]`: the Hann window of that length over the tail of the analysis window, so
    that overlap-add of both gives 1."""
    hann = np.sin(np.pi * (np.arange(synthesis_size) + 0.5) / synthesis_size) ** 2
    overlap = synthesis_size / hop / 2  # what Hann windows add up to at this hop
    tail = analysis_window(fft_size, hop).astype(np.float64)[-synthesis_size:]
    return (hann / overlap / tail).astype(np.float32)


@compiled
def analyse(history, audio, window, scale, frame, spectrum, axes):
    """Slide `audio[2, hop]` into `history[2, n]`; its spectrum into `spectrum[2, bins]` (complex64).

    `frame[2, n]` is scratch, `scale` a float64 factor.
    """
    size, hop = history.shape[1], audio.shape[1]
    for c in range(2):
        for k in range(size - hop):
            history[c, k] = history[c, k + hop]
        for k in range(hop):
            history[c, size - hop + k] = audio[c, k]
        for k in range(size):
            frame[c, k] = history[c, k] * window[k]
    r2c(frame, spectrum, axes, True, scale, 1)


@compiled
def project(stems, mixture):
    """Mixture consistency: spread what the stems lack equally, so that they sum to the mixture.

    `stems[S, 2, n]`, `mixture[2, n]`, real or complex (Wisdom et al., "Differentiable consistency
    constraints for improved deep speech enhancement", ICASSP 2019).
    """
    count = stems.shape[0]
    share = np.float32(1.0 / count)
    for c in range(2):
        for k in range(mixture.shape[1]):
            total = stems[0, c, k]
            for s in range(1, count):
                total += stems[s, c, k]
            lack = (mixture[c, k] - total) * share
            for s in range(count):
                stems[s, c, k] += lack


@compiled
def synthesise(spectra, window, scale, frame, overlap, out, axes):
    """Inverse transform of `spectra[S * 2, bins]` and overlap-add; one finished hop into `out`.

    `overlap[S * 2, synthesis_size]` is state, `frame[S * 2, n]` scratch, `out[S, 2, hop]`.
    """
    c2r(spectra, frame, axes, False, scale, 1)
    size, length, hop = frame.shape[1], overlap.shape[1], out.shape[2]
    for row in range(overlap.shape[0]):
        for k in range(length):
            overlap[row, k] += frame[row, size - length + k] * window[k]
        for k in range(hop):
            out[row // 2, row % 2, k] = overlap[row, k]
    drop_hop(overlap, hop)


@compiled
def drop_hop(overlap, hop):
    """Move the overlap-add buffer on by one hop; zeros come in at its end."""
    length = overlap.shape[1]
    for row in range(overlap.shape[0]):
        for k in range(length - hop):
            overlap[row, k] = overlap[row, k + hop]
        for k in range(length - hop, length):
            overlap[row, k] = np.float32(0.0)
