"""The callback's own FFT against numpy's."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.rt import fft


@pytest.mark.parametrize("size", [2**n for n in range(1, 13)])
def test_forward_and_inverse_equal_numpy(size):
    noise = np.random.default_rng(size).standard_normal((2, size)).astype(np.float32)
    re, im, scratch, turns = *noise.copy(), np.zeros((2, size), np.float32), fft.turns(size)
    fft.fft(re, im, *scratch, turns)
    expected = np.fft.fft(noise[0] + 1j * noise[1])
    np.testing.assert_allclose(re + 1j * im, expected, atol=2e-6 * np.abs(expected).max() * 2)
    fft.fft(im, re, *scratch, turns)
    np.testing.assert_allclose(np.stack([re, im]) / size, noise, atol=5e-6)


@pytest.mark.parametrize(("size", "fits"), [(0, False), (1, False), (2, True), (1536, False)])
def test_sizes(size, fits):
    assert fft.fits(size) is fits
