"""A complex FFT that may run in the audio callback: no allocation and no lock.

The transform of the inference thread (rocket-fft) takes memory and a lock for its plans. This is the
Stockham autosort algorithm with radix 4 and one last radix 2 (C. Van Loan, "Computational Frameworks
for the Fast Fourier Transform", SIAM 1992, section 1.7), real and imaginary parts apart.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .jit import compiled


def fits(size: int) -> bool:
    """Whether `size` is one that `fft` can do: a power of two from 2 on."""
    return size >= 2 and size & (size - 1) == 0


def turns(size: int) -> npt.NDArray[np.float32]:
    """`[2, size]`: real and imaginary parts of exp(-2 pi i k / size)."""
    angle = -2.0 * np.pi * np.arange(size) / size
    return np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


@compiled
def _radix4(re, im, to_re, to_im, turn, quarter, stride):
    """One stage: `quarter` butterflies of four, each over `stride` neighbours."""
    two = np.float32(2.0)
    for p in range(quarter):
        w1r, w1i = turn[0, p * stride], turn[1, p * stride]
        w2r, w2i = w1r * w1r - w1i * w1i, two * w1r * w1i
        w3r, w3i = w1r * w2r - w1i * w2i, w1r * w2i + w1i * w2r
        a, step, to = stride * p, stride * quarter, 4 * stride * p
        for k in range(stride):
            i0, i1, i2, i3 = a + k, a + step + k, a + 2 * step + k, a + 3 * step + k
            er, ei, fr, fi = re[i0] + re[i2], im[i0] + im[i2], re[i0] - re[i2], im[i0] - im[i2]
            gr, gi, hr, hi = re[i1] + re[i3], im[i1] + im[i3], re[i1] - re[i3], im[i1] - im[i3]
            to_re[to + k], to_im[to + k] = er + gr, ei + gi
            x, y = fr + hi, fi - hr
            to_re[to + stride + k], to_im[to + stride + k] = x * w1r - y * w1i, x * w1i + y * w1r
            x, y = er - gr, ei - gi
            j = to + 2 * stride + k
            to_re[j], to_im[j] = x * w2r - y * w2i, x * w2i + y * w2r
            x, y = fr - hi, fi + hr
            j += stride
            to_re[j], to_im[j] = x * w3r - y * w3i, x * w3i + y * w3r


@compiled
def _radix2(re, im, to_re, to_im, half):
    """The last stage where the size is no power of four."""
    for k in range(half):
        to_re[k], to_im[k] = re[k] + re[half + k], im[k] + im[half + k]
        to_re[half + k], to_im[half + k] = re[k] - re[half + k], im[k] - im[half + k]


@compiled
def fft(re, im, scratch_re, scratch_im, turn):
    """Transform `re[n] + i im[n]` in place; `turn` from `turns(n)`, n a power of two.

    With `re` and `im` exchanged it is the inverse transform, times n.
    """
    size = re.shape[0]
    rest, stride, swapped = size, 1, False
    a, b, c, d = re, im, scratch_re, scratch_im
    while rest > 1:
        if rest >= 4:
            rest //= 4
            _radix4(a, b, c, d, turn, rest, stride)
            stride *= 4
        else:
            rest //= 2
            _radix2(a, b, c, d, stride)
        a, b, c, d = c, d, a, b
        swapped = not swapped
    if swapped:
        for k in range(size):
            re[k], im[k] = scratch_re[k], scratch_im[k]
