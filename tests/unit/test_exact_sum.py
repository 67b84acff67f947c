"""Stems sum to the recording: float32 in any order, 24-bit samples exactly."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from rtstem.exact_sum import complete, residual_index, to_pcm24

FRAMES = 5000
OTHER = 3


def noise(*shape: int, scale: float = 0.2, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def on_grid(audio: np.ndarray, bits: int) -> np.ndarray:
    """What a decoder makes of `bits`-bit samples."""
    step = np.float32(2.0 ** (1 - bits))
    return np.rint(audio / step) * step


@pytest.mark.parametrize(
    ("bits", "scale"), [(24, 0.15), (16, 0.15), (16, 30.0)], ids=["24 bit", "16 bit", "loud"]
)
@pytest.mark.parametrize("residual", [0, 3])
def test_integer_sources_are_summed_bit_for_bit_in_any_order(bits, scale, residual):
    dry = on_grid(noise(FRAMES, 2, scale=scale), bits)
    kept = noise(3, FRAMES, 2, scale=scale, seed=1)
    stems = complete(dry, kept, residual)
    assert np.abs(stems).sum(axis=0).max() < (2 if bits == 24 else 512)  # the promise's condition
    for order in permutations(range(4)):
        total = np.zeros_like(dry)
        for stem in order:
            total = total + stems[stem]
        assert total.dtype == np.float32
        assert np.array_equal(total, dry)


@pytest.mark.parametrize("exponent", [-60, -20, 0, 20])
def test_any_float_is_summed_within_half_an_ulp_of_the_magnitudes(exponent):
    dry = noise(FRAMES, 2, scale=2.0**exponent)
    # Some stems far larger than what they sum to.
    kept = noise(3, FRAMES, 2, scale=2.0**exponent, seed=1) * np.float32(30) ** noise(
        3, FRAMES, 2, seed=2
    )
    stems = complete(dry, kept, OTHER)
    size = np.abs(stems).sum(axis=0)
    error = np.abs(stems.sum(axis=0, dtype=np.float64) - dry)
    assert (error <= np.spacing(size * np.float32(1 + 2.0**-15)) / 2).all()
    assert np.array_equal(stems.sum(axis=0), stems.sum(axis=0, dtype=np.float64))


def test_stems_of_the_model_change_by_less_than_their_sum_can_show():
    dry, kept = noise(FRAMES, 2), noise(3, FRAMES, 2, seed=1)
    stems = complete(dry, kept, OTHER)
    size = np.abs(stems).sum(axis=0)
    assert (np.abs(stems[:3] - kept) <= 2.0**-23 * size).all()


def test_sums_stay_exact_where_rounding_to_the_grid_passes_a_power_of_two():
    """Seven stems that are a little below 1 together and all round up."""
    generator = np.random.default_rng(0)
    steps = generator.integers(2_300_000, 2_390_000, (7, FRAMES)).astype(np.float64)
    steps[6] = 16_777_211 - steps[:6].sum(axis=0)
    steps += generator.choice([0.25, 0.5, 0.75], (7, FRAMES))
    kept = (steps / 2**24).astype(np.float32)[..., np.newaxis]
    dry = (np.rint(steps.sum(axis=0) - 2) / 2**24).astype(np.float32)[:, np.newaxis]
    stems = complete(dry, kept, 7)
    assert np.array_equal(stems.sum(axis=0), stems.sum(axis=0, dtype=np.float64))


def test_silence_stays_silence():
    stems = complete(np.zeros((10, 2), np.float32), np.zeros((3, 10, 2), np.float32), OTHER)
    assert not stems.any()


def test_24_bit_samples_sum_to_the_rounded_recording():
    dry = noise(FRAMES, 2)
    stems = complete(dry, noise(3, FRAMES, 2, seed=1, scale=0.1), OTHER)
    samples, limited = to_pcm24(dry, stems, OTHER)
    assert limited == 0
    assert samples.dtype == np.int32
    assert np.array_equal(samples.sum(axis=0), np.rint(dry * 2.0**23))
    assert np.abs(samples - stems * 2.0**23).max() <= 2.0  # half a step each, and the rest's three


@pytest.mark.parametrize("peak", [1.0, 3.5])
def test_stems_above_full_scale_hand_over_what_they_lose(peak):
    """Also where the recording itself is above full scale, as decoded mp3 can be."""
    dry = np.clip(noise(FRAMES, 2, scale=peak), -peak, peak)
    stems = complete(dry, noise(3, FRAMES, 2, seed=1, scale=1.5), OTHER)
    samples, limited = to_pcm24(dry, stems, OTHER)
    assert limited == np.count_nonzero(np.abs(stems * 2.0**23 + 0.5) > 2**23) > 0
    assert samples.min() >= -(2**23)
    assert samples.max() <= 2**23 - 1
    assert np.array_equal(samples.sum(axis=0), np.rint(dry * 2.0**23))


def test_beyond_the_reach_of_all_stems_the_sum_is_as_close_as_it_gets():
    dry = np.full((1, 1), 9.0, np.float32)
    samples, limited = to_pcm24(dry, complete(dry, np.zeros((3, 1, 1), np.float32), OTHER), OTHER)
    assert limited == 1
    assert (samples == 2**23 - 1).all()


def test_the_residual_is_other_or_the_last_stem():
    assert residual_index(("vocals", "other", "drums")) == 1
    assert residual_index(("vocals", "drums")) == 1
