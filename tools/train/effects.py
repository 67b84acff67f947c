"""Cheap audio effects for training mixtures: numba where samples depend on each other."""

from __future__ import annotations

import math

import numba
import numpy as np
import scipy.fft

RATE = 44_100
TAIL = 44_100  # room for the reverb in every FFT


@numba.njit(nogil=True, cache=True)
def resample(audio: np.ndarray, ratio: float, length: int) -> np.ndarray:
    """Read [channels, n] at a speed of ``ratio`` with cubic Hermite interpolation."""
    channels, n = audio.shape
    out = np.zeros((channels, length), np.float32)
    for c in range(channels):
        x = audio[c]
        for i in range(length):
            at = i * ratio
            k = int(at)
            if k < 1 or k + 2 >= n:
                continue
            f = np.float32(at - k)
            a, b, d, e = x[k - 1], x[k], x[k + 1], x[k + 2]
            slope_b, slope_d = (d - a) * np.float32(0.5), (e - b) * np.float32(0.5)
            rise = d - b
            out[c, i] = b + f * (
                slope_b
                + f * (3 * rise - 2 * slope_b - slope_d + f * (slope_b + slope_d - 2 * rise))
            )
    return out


@numba.njit(nogil=True, cache=True)
def compressor_gain(
    audio: np.ndarray, threshold: float, ratio: float, attack: float, release: float
) -> np.ndarray:
    """Gain of a peak compressor linked over channels; times are one-pole coefficients."""
    channels, n = audio.shape
    gain = np.ones(n, np.float32)
    level = 0.0
    for i in range(n):
        peak = 0.0
        for c in range(channels):
            peak = max(peak, abs(audio[c, i]))
        level += (peak - level) * (attack if peak > level else release)
        if level > threshold:
            gain[i] = (level / threshold) ** (1.0 / ratio - 1.0)
    return gain


@numba.njit(nogil=True, cache=True)
def pitch_shift(audio: np.ndarray, ratio: float) -> np.ndarray:
    """Pitch of [channels, n] times ``ratio``, tempo kept: two taps of a moving delay take turns."""
    channels, n = audio.shape
    span = 0.045 * RATE
    out = np.zeros((channels, n), np.float32)
    for i in range(n):
        phase = (i * (1.0 - ratio) / span) % 1.0
        for tap in range(2):
            part = (phase + 0.5 * tap) % 1.0
            weight = np.float32(math.sin(math.pi * part) ** 2)
            at = i - part * span
            k = math.floor(at)
            if k < 0 or k + 1 >= n:
                continue
            f = np.float32(at - k)
            for c in range(channels):
                out[c, i] += weight * (audio[c, k] + f * (audio[c, k + 1] - audio[c, k]))
    return out


ENVELOPE_FRAME, ENVELOPE_QUEFRENCY = 1024, 60  # samples; 1.4 ms: formants, not harmonics


def formant_shift(audio: np.ndarray, ratio: float) -> np.ndarray:
    """Formants of [channels, n] times ``ratio``, pitch and tempo kept: a longer or shorter throat.

    The cepstrally smoothed envelope of each frame (Oppenheim and Schafer, 1968) is stretched over
    frequency; harmonics stay where they are.
    """
    frame, n = ENVELOPE_FRAME, audio.shape[1]
    hop, bins = frame // 4, np.arange(frame // 2 + 1)
    window = np.sin(np.pi * (np.arange(frame, dtype=np.float32) + 0.5) / frame)
    padded = np.pad(audio, ((0, 0), (frame, frame + hop)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame, 1)[:, ::hop]
    spectra = scipy.fft.rfft(frames * window, axis=2)
    cepstra = scipy.fft.irfft(np.log(np.abs(spectra) + 1e-5), frame, axis=2)
    cepstra[..., ENVELOPE_QUEFRENCY : frame - ENVELOPE_QUEFRENCY + 1] = 0
    envelope = scipy.fft.rfft(cepstra, axis=2).real
    source = np.minimum(bins / ratio, bins[-1] - 1)
    below = source.astype(int)
    part = (source - below).astype(np.float32)
    moved = envelope[..., below] * (1 - part) + envelope[..., below + 1] * part
    spectra *= np.exp(np.clip(moved - envelope, -2, 2))
    parts = scipy.fft.irfft(spectra, frame, axis=2) * (window * np.float32(0.5))
    out = np.zeros_like(padded)
    for start in range(4):  # frames four hops apart touch
        whole = parts[:, start::4].reshape(len(audio), -1)
        out[:, start * hop : start * hop + whole.shape[1]] += whole
    return out[:, frame : frame + n]


def dynamics(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compression and saturation."""
    level = rms(audio) + 1e-6
    if rng.random() < 0.5:
        gain = compressor_gain(
            audio, level * rng.uniform(0.5, 2.0), rng.uniform(1.5, 6.0),
            one_pole(0.003), one_pole(rng.uniform(0.05, 0.3)),
        )  # fmt: skip
        audio = audio * gain
    if rng.random() < 0.25:
        drive = np.float32(np.exp(rng.uniform(np.log(0.5), np.log(4.0))) / level)
        audio = np.tanh(audio * drive) / drive
    return audio


def echoes(audio: np.ndarray, seconds: float, gain: float, feedback: float) -> np.ndarray:
    """[channels, n] with three repeats, each weaker by ``feedback``."""
    out, n = audio.copy(), audio.shape[1]
    for repeat in range(3):
        late = min(n, int(seconds * RATE) * (repeat + 1))
        out[:, late:] += np.float32(gain * feedback**repeat) * audio[:, : n - late]
    return out


def decibels(value: float) -> np.float32:
    """Factor of a level."""
    return np.float32(10 ** (value / 20))


def one_pole(seconds: float) -> float:
    """Coefficient of a smoother with this time constant."""
    return 1.0 - math.exp(-1.0 / (seconds * RATE))


def random_eq(bins: int, depth_db: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random gain curve over frequency: a few knots an octave or two apart, in dB."""
    knots = np.array([40, 100, 250, 600, 1500, 3500, 8000, 20000.0])
    gains = rng.normal(0, depth_db / 2, len(knots)).clip(-depth_db, depth_db)
    grid = np.geomspace(20, RATE / 2, 256)
    curve = 10 ** (np.interp(np.log(grid), np.log(knots), gains) / 20)
    return np.interp(np.linspace(0, RATE / 2, bins), grid, curve).astype(np.float32)


def low_pass(bins: int, cutoff: float) -> np.ndarray:
    """Flat up to the cutoff, then a fall over an eighth of an octave."""
    frequency = np.linspace(0, RATE / 2, bins)
    return (1 - np.clip((frequency / cutoff - 0.97) / 0.06, 0, 1)).astype(np.float32)


def tilt(bins: int, low: float, high: float, slope: float) -> np.ndarray:
    """A slope in dB an octave between two frequencies in Hz; one below, flat above."""
    frequency = np.linspace(0, RATE / 2, bins)
    return (10 ** (slope / 20 * np.log2(np.clip(frequency, low, high) / low))).astype(np.float32)


def low_cut(bins: int, corner: float) -> np.ndarray:
    """High-pass of 12 dB an octave."""
    frequency = np.maximum(np.linspace(0, RATE / 2, bins), 1.0)
    return ((1 + (corner / frequency) ** 4) ** -0.5).astype(np.float32)


class Rooms:
    """Spectra of random stereo rooms and plates for segments of one length."""

    def __init__(self, length: int, count: int = 40, seed: int = 5) -> None:
        rng = np.random.default_rng(seed)
        self.size = scipy.fft.next_fast_len(length + TAIL, real=True)
        self.bins = self.size // 2 + 1
        self.spectra = [self._room(rng) for _ in range(count)]

    def _room(self, rng: np.random.Generator) -> np.ndarray:
        """Decaying noise; a room is dull and comes late, a plate is bright; energy one."""
        plate = rng.random() < 0.3
        seconds = float(np.exp(rng.uniform(np.log(0.6 if plate else 0.15), np.log(1.8))))
        t = np.arange(TAIL) / RATE
        noise = rng.standard_normal((2, TAIL)).astype(np.float32)
        noise = (1 - rng.uniform(0, 0.3)) * noise + rng.uniform(0, 0.5) * noise.mean(0)
        response = noise * np.exp(-6.9 * t / seconds)
        late = rng.uniform(0.0, 0.005) if plate else rng.uniform(0.002, 0.04)
        response = np.roll(response, int(late * RATE), axis=1)
        spectrum = scipy.fft.rfft(response / np.sqrt(np.square(response).sum(1).mean()), self.size)
        corner = rng.uniform(7_000, 15_000) if plate else rng.uniform(2_000, 9_000)
        frequency = np.linspace(0, RATE / 2, self.bins)
        tone = low_pass(self.bins, 16_000) / (1 + (frequency / corner) ** 2) ** 0.5
        return (spectrum * tone).astype(np.complex64)

    def apply(
        self, audio: np.ndarray, curve: np.ndarray, wet: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Equalise [1 or 2, n] and put it into a room; returns [2, n] when wet."""
        spectrum = scipy.fft.rfft(audio.astype(np.float32), self.size, axis=1)
        spectrum *= curve
        if wet > 0:
            room = self.spectra[rng.integers(len(self.spectra))]
            spectrum = spectrum * (1 + np.float32(wet) * room)
        out = scipy.fft.irfft(spectrum, self.size, axis=1)[:, : audio.shape[1]]
        return out.astype(np.float32)


def envelope(points: np.ndarray, length: int) -> np.ndarray:
    """Linear interpolation of equally spaced gains over a segment."""
    at = np.linspace(0, len(points) - 1, length, dtype=np.float32)
    return np.interp(at, np.arange(len(points)), points).astype(np.float32)


def rms(audio: np.ndarray) -> float:
    """Root mean square of the louder half of a segment's tenths of a second."""
    blocks = np.square(audio[:, : audio.shape[1] // 4410 * 4410]).reshape(len(audio), -1, 4410)
    power = np.sort(blocks.mean(axis=(0, 2)))
    return float(np.sqrt(power[len(power) // 2 :].mean()))
