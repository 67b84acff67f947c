"""Windows, spectrum scale, perfect reconstruction and the exact sum of the transform."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.rt.transform import (
    LAST_AXIS,
    analyse,
    analysis_window,
    project,
    synthesis_window,
    synthesise,
)

GEOMETRIES = [(2048, 512, 1024), (2048, 256, 1024), (1024, 256, 512), (4096, 512, 2048)]


@pytest.mark.parametrize(("size", "hop", "synthesis"), GEOMETRIES)
def test_windows_overlap_to_one(size, hop, synthesis):
    product = analysis_window(size, hop)[-synthesis:] * synthesis_window(size, hop, synthesis)
    total = product.reshape(-1, hop).sum(axis=0)
    np.testing.assert_allclose(total, 1.0, atol=2e-6)


@pytest.mark.parametrize(("size", "hop", "synthesis"), GEOMETRIES)
def test_analysis_then_synthesis_is_a_pure_delay(size, hop, synthesis):
    rng = np.random.default_rng(3)
    audio = rng.standard_normal((2, hop * 24)).astype(np.float32)
    window, inverse = analysis_window(size, hop), synthesis_window(size, hop, synthesis)
    scale = 2.0 / float(window.sum())
    history, frame = np.zeros((2, size), np.float32), np.zeros((2, size), np.float32)
    spectrum = np.zeros((2, size // 2 + 1), np.complex64)
    overlap = np.zeros((2, synthesis), np.float32)
    out, heard = np.zeros((1, 2, hop), np.float32), []
    for start in range(0, audio.shape[1], hop):
        block = audio[:, start : start + hop]
        analyse(history, block, window, scale, frame, spectrum, LAST_AXIS)
        synthesise(spectrum, inverse, 1 / (scale * size), frame, overlap, out, LAST_AXIS)
        heard.append(out[0].copy())
    delay = synthesis - hop
    result = np.concatenate(heard, axis=1)[:, delay:]
    np.testing.assert_allclose(result, audio[:, : result.shape[1]], atol=4e-6)


def test_full_scale_sine_has_magnitude_one():
    size, hop = 2048, 512
    window = analysis_window(size, hop)
    sine = np.sin(2 * np.pi * 64 * np.arange(size) / size).astype(np.float32)
    history = np.stack([sine, sine])
    spectrum = np.zeros((2, size // 2 + 1), np.complex64)
    frame = np.zeros_like(history)
    block = history[:, :hop].copy()  # 64 periods in the frame: the sine continues seamlessly
    analyse(history, block, window, 2.0 / float(window.sum()), frame, spectrum, LAST_AXIS)
    assert abs(np.abs(spectrum[0]).max() - 1.0) < 2e-3
    assert np.abs(spectrum[0]).argmax() == 64


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_projected_stems_sum_to_the_mixture(dtype):
    rng = np.random.default_rng(0)
    stems = rng.standard_normal((4, 2, 300)).astype(dtype)
    mixture = rng.standard_normal((2, 300)).astype(dtype)
    before = stems.copy()
    project(stems, mixture)
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=2e-6)
    change = stems - before
    np.testing.assert_allclose(change, np.broadcast_to(change[:1], change.shape), atol=1e-6)
