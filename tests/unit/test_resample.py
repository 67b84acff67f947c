"""The resampler between two clocks, against soxr and against the exact positions it reads at."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from rtstem.rt.resample import PHASES, make_table, reach, read_at

RATE = 44100
PPM = 1e-6
NEAR = [1 + 200 * PPM, 1 - 200 * PPM, 1 + 7 * PPM]
RATIOS = [*NEAR, 44100 / 48000, 48000 / 44100, 96000 / 44100]
EDGE = 8192  # frames at both ends that soxr's long filter needs to settle


def ring_of(audio: np.ndarray) -> np.ndarray:
    """float32 [2, n] as the ring holds it, from frame 0 on."""
    size = 1 << audio.shape[1].bit_length()
    ring = np.zeros((2, 2 * size), np.float32)
    ring[:, : audio.shape[1]] = ring[:, size : size + audio.shape[1]] = audio
    return ring


def resample(audio: np.ndarray, ratio: float, block: int = 0) -> np.ndarray:
    """[2, n] at 1 / ratio of its rate, in one go or block by block, position 0 first."""
    table, ring = make_table(ratio), ring_of(audio)
    count = int((audio.shape[1] - reach(ratio) - 1) / ratio)
    out = np.zeros((2, count), np.float32)
    position = 0.0
    for start in range(0, count, block or count):
        end = min(start + (block or count), count)
        position = read_at(ring, table, position, ratio, out, start, end)
    return out


def sines(frequency: float, frames: int, positions: np.ndarray | None = None) -> np.ndarray:
    place = np.arange(frames) if positions is None else positions
    angle = 2 * np.pi * frequency / RATE * place
    return np.stack([np.sin(angle), np.cos(angle)]) * 0.5


def snr(reference: np.ndarray, heard: np.ndarray) -> float:
    """dB, without what lies too near to the ends."""
    reference = reference[:, EDGE:-EDGE].astype(np.float64)
    error = reference - heard[:, EDGE : EDGE + reference.shape[1]]
    return float(10 * np.log10((reference**2).sum() / (error**2).sum()))


@pytest.mark.parametrize("ratio", RATIOS)
def test_1_khz_against_soxr(ratio):
    audio = sines(1000, 2 * RATE).astype(np.float32)
    heard = resample(audio, ratio)
    theirs = soxr.resample(audio.T.astype(np.float64), RATE, RATE / ratio, quality="VHQ").T
    assert snr(theirs[:, : heard.shape[1]], heard) > 115


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.8, 0.9])
def test_all_frequencies_up_to_the_edge_against_their_formula(ratio, share):
    frequency = share * RATE / 2 / max(1.0, ratio)
    heard = resample(sines(frequency, 2 * RATE).astype(np.float32), ratio)
    exact = sines(frequency, 0, np.arange(heard.shape[1]) * ratio)
    assert snr(exact, heard) > 104


def band(share: float) -> tuple[np.ndarray, np.ndarray]:
    """Noise [2, 4 s] below `share` of half the rate, which may be repeated, and its spectrum."""
    spectrum = np.fft.rfft(0.1 * np.random.default_rng(1).standard_normal((2, 4 * RATE)))
    spectrum[:, int(share * 2 * RATE) :] = 0
    return np.fft.irfft(spectrum), spectrum


@pytest.mark.parametrize("ratio", RATIOS)
def test_noise_against_soxr(ratio):
    """Up to half of the band: above, soxr's own gain begins to fall."""
    audio, _ = band(0.5 / max(1.0, ratio))
    heard = resample(audio.astype(np.float32), ratio)
    theirs = soxr.resample(audio.T, RATE, RATE / ratio, quality="VHQ").T
    assert snr(theirs[:, : heard.shape[1]], heard) > 104


@pytest.mark.parametrize("target", [48000, 32000])
def test_noise_against_the_exact_transform(target):
    audio, spectrum = band(0.9 * min(1.0, target / RATE))
    heard = resample(audio.astype(np.float32), RATE / target)
    exact = np.zeros((2, 2 * target + 1), complex)
    bins = min(exact.shape[1], spectrum.shape[1])
    exact[:, :bins] = spectrum[:, :bins]
    truth = np.fft.irfft(exact) * target / RATE
    assert snr(truth[:, : heard.shape[1]], heard) > 110


def test_what_the_lower_rate_cannot_hold_is_gone():
    ratio = 96000 / 44100
    heard = resample(sines(0.62 * RATE / 2, 2 * RATE).astype(np.float32), ratio)
    assert np.abs(heard[:, EDGE:-EDGE]).max() < 0.5 * 10 ** (-100 / 20)


def test_blocks_are_the_same_as_one_go():
    audio = np.random.default_rng(2).standard_normal((2, RATE)).astype(np.float32)
    whole = resample(audio, NEAR[0])
    for block in (1, 100, 256):
        assert np.array_equal(resample(audio, NEAR[0], block), whole)


def test_no_click_where_the_speed_changes():
    """Every frame is the music at its own position, however the speed jumps between blocks."""
    audio = sines(5000, 4 * RATE).astype(np.float32)
    ring, table = ring_of(audio), make_table(1.0)
    rng = np.random.default_rng(3)
    out, positions, position = np.zeros((2, 3 * RATE), np.float32), np.zeros(3 * RATE), 500.0
    for start in range(0, 3 * RATE - 100, 100):
        step = 1 + rng.uniform(-200, 200) * PPM
        positions[start : start + 100] = position + step * np.arange(100)
        position = read_at(ring, table, position, step, out, start, start + 100)
    exact = sines(5000, 0, positions)
    assert snr(exact[:, :-100], out[:, :-100]) > 110


def test_it_adds_no_delay_and_needs_what_it_says():
    """At whole positions it is the input; nothing beyond `reach` frames on either side matters."""
    table, half = make_table(1.0), reach(1.0)
    audio = np.random.default_rng(4).standard_normal((2, 4096)).astype(np.float32)
    out, other = np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)
    read_at(ring_of(audio), table, 1000.0, 1.0, out, 0, 1)
    assert np.abs(out[:, 0] - audio[:, 1000]).max() < 1e-6
    read_at(ring_of(audio), table, 1000.5, 1.0, out, 0, 1)
    changed = audio.copy()
    changed[:, : 1000 - half + 1] = changed[:, 1000 + half + 1 :] = 99.0
    read_at(ring_of(changed), table, 1000.5, 1.0, other, 0, 1)
    assert np.array_equal(out, other)
    changed[:, 1000 + half] += 50.0
    read_at(ring_of(changed), table, 1000.5, 1.0, other, 0, 1)
    assert not np.array_equal(out, other)


def test_a_constant_stays_exact_at_every_phase():
    table = make_table(1.0)
    assert table.shape == (PHASES + 1, 2 * reach(1.0))
    assert np.abs(table.sum(axis=1, dtype=np.float64) - 1).max() < 1e-6
