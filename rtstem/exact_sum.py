"""Make stems sum to the recording exactly, in float32 and in 24-bit samples.

One stem, the residual, is not taken from the model but computed as the rest. It also receives what
the model cannot give: the band above its Nyquist frequency and the error of a resampler.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .io.decode import Audio

Pcm24 = npt.NDArray[np.int32]

PCM24_SCALE = 2.0**23
PCM24_MIN, PCM24_MAX = -(2**23), 2**23 - 1
_PCM24_SAFE = 2.0**27  # before int32: keeps sums of up to 15 stems from overflowing
# Room above the largest sum so that rounding each stem to the grid cannot leave the grid.
_MARGIN = np.float32(1 + 2.0**-16)
_FAINTEST = np.float32(2.0**-100)  # keeps the grid a normal float32
_EXPONENT = 0x7F80_0000


def residual_index(stems: Sequence[str]) -> int:
    """Index of the stem that is computed as the rest: `other` where there is one, else the last."""
    return stems.index("other") if "other" in stems else len(stems) - 1


def complete(dry: Audio, kept: Audio, residual: int) -> Audio:
    """Stems [S, n, c] from the S - 1 `kept` ones and the rest of `dry` [n, c], all float32.

    All stems are rounded to a grid of their own at each sample, fine enough (2^-23 of the sum of
    their magnitudes m, or finer) to be inaudible and coarse enough that float32 adds them without
    rounding, in any order. So their float32 sum is `dry` rounded to that grid:
    - `dry` itself, bit for bit, where it lies on the grid: 24-bit samples while m < 2 (full scale
      is 1), 16-bit samples while m < 512;
    - else within half a step, which is at most half an ulp of a float32 of size m.
    No closer float32 sum exists in general when stems are larger than the sum that they cancel to.
    """
    rest = dry - kept.sum(axis=0)
    size = np.maximum((np.abs(kept).sum(axis=0) + np.abs(rest)) * _MARGIN, _FAINTEST)
    # The power of two below `size`, read off its exponent bits; 2^24 steps reach above `size`.
    grid = (size.view(np.int32) & np.int32(_EXPONENT)).view(np.float32) * np.float32(2.0**-23)
    stems = np.empty((len(kept) + 1, *dry.shape), np.float32)
    others = others_of(residual, len(stems))
    stems[others] = np.rint(kept / grid) * grid
    stems[residual] = np.rint(dry / grid) * grid - stems[others].sum(axis=0)
    return stems


def to_pcm24(dry: Audio, stems: Audio, residual: int) -> tuple[Pcm24, int]:
    """24-bit samples int32 [S, n, c] of float32 stems, and how many had to be limited.

    Their integer sum is `dry` rounded to 24 bits, exactly, wherever |dry| <= 1, and beyond as far
    as S samples of full scale reach: what a stem above full scale loses, the others take over.
    """
    total = _steps(dry)
    samples = _steps(stems)
    others = others_of(residual, len(stems))
    samples[residual] = total - samples[others].sum(axis=0)
    limited = np.clip(samples, PCM24_MIN, PCM24_MAX)
    count = int(np.count_nonzero(limited != samples))
    if count:
        missing = total - limited.sum(axis=0, dtype=np.int32)
        for stem in (residual, *others):
            taken = np.clip(limited[stem] + missing, PCM24_MIN, PCM24_MAX)
            missing += limited[stem] - taken
            limited[stem] = taken
    return limited, count


def others_of(residual: int, count: int) -> list[int]:
    """Indices of the stems that the model gives."""
    return [stem for stem in range(count) if stem != residual]


def _steps(audio: Audio) -> Pcm24:
    safe = np.clip(audio * np.float32(PCM24_SCALE), -_PCM24_SAFE, _PCM24_SAFE)
    steps: Pcm24 = np.rint(safe).astype(np.int32)
    return steps
