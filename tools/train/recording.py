"""How a studio changes an instrument: rooms, tape, parallel compression, guitar amplifiers."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from tools.train.effects import RATE, compressor_gain, decibels, one_pole


def room(audio: np.ndarray, rng: np.random.Generator, wet_db: float) -> np.ndarray:
    """Add a small to medium stereo room: early echoes and a decaying tail, [2, n]."""
    seconds = float(np.exp(rng.uniform(np.log(0.12), np.log(0.9))))
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    tail = rng.standard_normal((2, n)) * np.exp(-6.9 * t / seconds)
    for delay in rng.uniform(0.002, 0.03, 8):
        tail[:, int(delay * RATE)] += rng.normal(0, 6, 2) * np.exp(-3 * delay / seconds)
    tail = np.roll(tail, int(rng.uniform(0.001, 0.02) * RATE), axis=1)
    tail = sosfilt(butter(1, rng.uniform(2_500, 12_000), fs=RATE, output="sos"), tail, axis=1)
    tail = sosfilt(butter(1, rng.uniform(30, 200), "high", fs=RATE, output="sos"), tail, axis=1)
    tail /= np.sqrt(np.square(tail).sum(axis=1, keepdims=True))
    wet = fftconvolve(audio, tail.astype(np.float32), axes=1)[:, : audio.shape[1]]
    return audio + decibels(wet_db) * wet.astype(np.float32)


def parallel_compression(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mix in a hard compressed copy, louder in the quiet parts."""
    threshold = float(np.percentile(np.abs(audio), 98)) * rng.uniform(0.2, 0.6) + 1e-6
    attack = one_pole(rng.uniform(0.001, 0.02))
    gain = compressor_gain(audio, threshold, rng.uniform(4, 12), attack, one_pole(0.12))
    return audio + audio * gain * np.float32(rng.uniform(0.3, 1.5))


def tape(audio: np.ndarray, drive: float) -> np.ndarray:
    """Soft saturation; ``drive`` is the level of the loudest peaks before it."""
    scale = np.float32(drive / (np.percentile(np.abs(audio), 99.9) + 1e-6))
    return np.tanh(audio * scale) / scale


def narrowed(audio: np.ndarray, width: float) -> np.ndarray:
    """Scale the side signal: 0 is mono, 1 is unchanged."""
    middle = audio.mean(axis=0, keepdims=True)
    return middle + np.float32(width) * (audio - middle)


def drum_bus(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A drum recording: room, parallel compression, tape and width, each at random."""
    if rng.random() < 0.8:
        audio = room(audio, rng, wet_db=rng.uniform(-26, -4))
    if rng.random() < 0.5:
        audio = parallel_compression(audio, rng)
    if rng.random() < 0.5:
        audio = tape(audio, rng.uniform(0.4, 2.0))
    if rng.random() < 0.35:
        audio = narrowed(audio, 0.0 if rng.random() < 0.4 else rng.uniform(0.2, 0.8))
    return audio


def peak_filter(audio: np.ndarray, frequency: float, width: float, gain_db: float) -> np.ndarray:
    """Lift a band of ``width`` octaves around a frequency."""
    low, high = frequency / 2 ** (width / 2), frequency * 2 ** (width / 2)
    band = sosfilt(butter(1, [low, high], "band", fs=RATE, output="sos"), audio)
    return audio + (10 ** (gain_db / 20) - 1) * band


def guitar_amp(audio: np.ndarray, gain_db: float, rng: np.random.Generator) -> np.ndarray:
    """One guitar [n] through preamplifier, asymmetric clipping and cabinet."""
    x = sosfilt(butter(2, rng.uniform(70, 140), "high", fs=RATE, output="sos"), audio)
    x = peak_filter(x, rng.uniform(500, 1200), 2.0, rng.uniform(0, 8))
    x = x / (np.percentile(np.abs(x), 99) + 1e-6) * 10 ** (gain_db / 20)
    bias = rng.uniform(0.0, 0.3)
    x = np.tanh(x + bias) - np.tanh(bias)
    if gain_db > 20:  # a second stage
        x = np.tanh(2.5 * sosfilt(butter(1, 90, "high", fs=RATE, output="sos"), x))
    x = sosfilt(butter(4, rng.uniform(4_300, 5_800), fs=RATE, output="sos"), x)
    x = sosfilt(butter(2, rng.uniform(70, 110), "high", fs=RATE, output="sos"), x)
    x = peak_filter(x, rng.uniform(1_600, 3_200), 1.5, rng.uniform(0, 7))
    return peak_filter(x, rng.uniform(100, 160), 1.0, rng.uniform(-2, 4)).astype(np.float32)


def bass_amp(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bass [2, n] with a driven copy of its upper part mixed in: growl that is bass."""
    scale = np.percentile(np.abs(audio), 99) + 1e-6
    upper = sosfilt(butter(1, rng.uniform(80, 300), "high", fs=RATE, output="sos"), audio, axis=1)
    driven = np.tanh(upper / scale * rng.uniform(2, 14))
    cabinet = butter(2, rng.uniform(2_500, 6_000), fs=RATE, output="sos")
    driven = sosfilt(cabinet, driven, axis=1) * scale
    return (audio + driven * rng.uniform(0.05, 0.45)).astype(np.float32)
