"""Small signal tools that the instruments share. Audio is float64, [frames] or [frames, 2]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from .score import PRE_ROLL, RATE, SECONDS

Audio = NDArray[np.float64]
FRAMES = round(SECONDS * RATE)


def hertz(pitch: float) -> float:
    """Frequency of a MIDI note number (69 is 440 Hz)."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def clock(length: float) -> Audio:
    """Times in seconds of `length` seconds of audio."""
    return np.arange(round(length * RATE)) / RATE


def band(audio: Audio, low: float | None, high: float | None, order: int = 2) -> Audio:
    """Butterworth high-pass at `low` and low-pass at `high` (hertz, None leaves it out)."""
    for edge, kind in ((low, "highpass"), (high, "lowpass")):
        if edge is not None:
            sections = signal.butter(order, edge, kind, fs=RATE, output="sos")
            audio = signal.sosfilt(sections, audio, axis=0)
    return audio


def peak_filter(audio: Audio, centre: float, gain_db: float, q: float) -> Audio:
    """Bell equaliser (R. Bristow-Johnson's audio equaliser cookbook)."""
    amplitude = 10.0 ** (gain_db / 40.0)
    angle = 2.0 * np.pi * centre / RATE
    alpha = np.sin(angle) / (2.0 * q)
    numerator = [1 + alpha * amplitude, -2 * np.cos(angle), 1 - alpha * amplitude]
    denominator = [1 + alpha / amplitude, -2 * np.cos(angle), 1 - alpha / amplitude]
    return signal.lfilter(numerator, denominator, audio, axis=0)


def add(track: Audio, sound: Audio, at_seconds: float, gain: float = 1.0) -> None:
    """Add a sound into a track in place, `at_seconds` after the first beat.

    What would lie outside the track is cut off.
    """
    first = round((PRE_ROLL + at_seconds) * RATE)
    skip = max(0, -first)
    count = min(len(sound), len(track) - first)
    if count > skip:
        track[first + skip : first + count] += gain * sound[skip:count]


def pan(audio: Audio, position: float) -> Audio:
    """Mono to stereo with constant power; position -1 is left, +1 is right."""
    angle = (position + 1.0) * np.pi / 4.0
    return np.stack((np.cos(angle) * audio, np.sin(angle) * audio), axis=1) * np.sqrt(2.0)


def fade_edges(audio: Audio, attack: float, release: float) -> Audio:
    """Raised-cosine fade in and out, in seconds."""
    audio = audio.copy()
    for seconds_long, backwards in ((attack, False), (release, True)):
        count = min(len(audio), max(1, round(seconds_long * RATE)))
        ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / count)
        if audio.ndim == 2:
            ramp = ramp[:, None]
        if backwards:
            audio[-count:] *= ramp[::-1]
        else:
            audio[:count] *= ramp
    return audio


def reverb(
    audio: Audio, decay: float, predelay: float, low: float, high: float, seed: int
) -> Audio:
    """Wet signal only: convolution with decaying stereo noise; the treble decays faster.

    `decay` is the time to -60 dB in seconds; the result is as long as the input.
    """
    times = clock(decay * 1.2)
    noise = np.random.default_rng(seed).standard_normal((len(times), 2))
    envelope = 10.0 ** (-3.0 * times / decay)[:, None]
    dull = band(noise, None, 2500.0, 1) * envelope
    bright = band(noise, 2500.0, None, 1) * envelope**1.8
    build = 1.0 - np.exp(-times / 0.008)[:, None]
    response = band((dull + bright) * build, low, high)
    response /= np.sqrt(np.sum(response**2, axis=0))
    response = np.concatenate((np.zeros((round(predelay * RATE), 2)), response))
    stereo = audio if audio.ndim == 2 else np.stack((audio, audio), axis=1)
    return signal.fftconvolve(stereo, response, axes=0)[: len(stereo)]


def level_db(audio: Audio, window: float) -> Audio:
    """Running rms level in dBFS per frame over `window` seconds (channels averaged)."""
    power = audio**2 if audio.ndim == 1 else np.mean(audio**2, axis=1)
    width = max(1, round(window * RATE))
    kernel = signal.windows.hann(width, sym=False)
    smooth = signal.fftconvolve(power, kernel / kernel.sum(), mode="same")
    return 10.0 * np.log10(np.maximum(smooth, 1e-10))


def compress(audio: Audio, threshold_db: float, ratio: float, window: float) -> Audio:
    """Compressor without time lag (the level is measured around each frame), no make-up gain."""
    over = np.maximum(0.0, level_db(audio, window) - threshold_db)
    gain = 10.0 ** (-over * (1.0 - 1.0 / ratio) / 20.0)
    return audio * (gain if audio.ndim == 1 else gain[:, None])


def rms_db(audio: Audio) -> float:
    """Level of the whole signal in dBFS."""
    return float(10.0 * np.log10(np.mean(audio**2) + 1e-20))
