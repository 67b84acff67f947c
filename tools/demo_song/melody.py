"""How the singer performs the notes: pitch line with glides and vibrato, loudness, breath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .dsp import hertz
from .phones import VOWELS
from .score import RATE, Line, seconds

LEAD_IN = 0.3  # seconds before the first beat, for the first consonants
TAIL = 0.25  # seconds after the last note
VIBRATO_HERTZ = 5.5
VIBRATO_SEMITONES = 0.36
VIBRATO_ONSET = 0.22  # seconds into a note
GLIDE = 0.03  # seconds, sigma of the slide from note to note
VOWEL_LEVEL_DB = -27.0

Floats = NDArray[np.float64]


class Sung(Protocol):
    """What is needed of a phone on the time line."""

    phone: str
    target: tuple[float, float]


def drift(random: np.random.Generator, count: int, sigma: float, size: float) -> Floats:
    """Smooth random walk round zero: `sigma` frames of smoothing, `size` standard deviation."""
    noise = ndimage.gaussian_filter1d(random.standard_normal(count), sigma, mode="nearest")
    return size * noise / (noise.std() + 1e-9)


def perform_pitch(
    times: Floats, line: Line, transpose: Mapping[int, int] | None, seed: int
) -> Floats:
    """Fundamental in hertz at `times` (seconds from the line's first beat), never zero."""
    random = np.random.default_rng(seed)
    frame = times[1] - times[0]
    steps = np.zeros(len(times))
    vibrato = np.zeros(len(times))
    rate = VIBRATO_HERTZ * (1.0 + drift(random, len(times), 40.0, 0.03))
    wave = np.sin(2.0 * np.pi * np.cumsum(rate) * frame + random.uniform(0.0, 6.0))
    for number, syllable in enumerate(line.syllables):
        pitch = transpose[syllable.pitch] if transpose else syllable.pitch
        start = seconds(syllable.start) - (LEAD_IN if number == 0 else 0.03)
        steps[times >= start] = pitch
        inside = np.clip((times - seconds(syllable.start) - VIBRATO_ONSET) / 0.35, 0.0, 1.0)
        after = times >= seconds(syllable.start + syllable.length)
        depth = float(np.clip(syllable.length - 0.5, 0.0, 1.0))
        vibrato = np.where(times >= start, depth * inside * ~after, vibrato)
    line_end = seconds(line.syllables[-1].start + line.syllables[-1].length)
    pitch = ndimage.gaussian_filter1d(steps, GLIDE / frame, mode="nearest")
    pitch -= 1.1 * np.exp(-0.5 * ((times + 0.06) / 0.06) ** 2)  # scoop into the first note
    pitch -= 1.5 * np.clip((times - line_end + 0.12) / 0.2, 0.0, 1.0) ** 2  # and let go of the last
    smooth = ndimage.gaussian_filter1d(vibrato, 0.04 / frame)
    pitch += VIBRATO_SEMITONES * smooth * wave
    pitch += drift(random, len(times), 30.0, 0.07) + drift(random, len(times), 2.0, 0.025)
    return np.asarray(hertz(0.0) * 2.0 ** (pitch / 12.0))


def perform_level(
    power_db: Floats, times: Floats, sung: Sequence[Sung], line: Line, seed: int
) -> Floats:
    """Even the vowels out to one loudness, shape each note and colour the voice for singing."""
    random = np.random.default_rng(seed + 50)
    frame = times[1] - times[0]
    hertz_axis = np.arange(power_db.shape[1]) * RATE / (2.0 * (power_db.shape[1] - 1))
    loud = 10.0 * np.log10(np.mean(10.0 ** (power_db[:, hertz_axis < 5000.0] / 10.0), axis=1))
    gains = np.full(len(times), np.nan)
    for segment in sung:
        inside = (times >= segment.target[0]) & (times < segment.target[1])
        if segment.phone in VOWELS:
            # Three quarters of the way to the common level: some of the words' weight stays.
            gains[inside] = 0.75 * (VOWEL_LEVEL_DB - np.median(loud[inside]))
    known = np.flatnonzero(~np.isnan(gains))
    gains = np.interp(np.arange(len(times)), known, gains[known])
    gains = ndimage.gaussian_filter1d(gains, 0.02 / frame)
    for syllable in line.syllables:
        since = times - seconds(syllable.start)
        length = seconds(syllable.length)
        inside = (since >= -0.02) & (since < length)
        swell = 1.2 * np.sin(np.pi * np.clip(since / length, 0.0, 1.0)) - 0.6
        release = 5.0 * np.clip((since - length + 0.12) / 0.12, 0.0, 1.0) ** 2
        gains += np.where(inside, swell - (release if syllable.length >= 2.0 else 0.0), 0.0)
    gains += drift(random, len(times), 12.0, 0.5)
    singer = 4.0 * np.exp(-0.5 * ((hertz_axis - 3100.0) / 500.0) ** 2)
    body = 1.5 * np.exp(-0.5 * ((hertz_axis - 500.0) / 300.0) ** 2)
    return np.asarray(power_db + gains[:, None] + (singer + body)[None, :])


def perform_air(air_db: Floats) -> Floats:
    """Amplitude of the breath in a voiced sound: a clean low voice under an airy treble."""
    hertz_axis = np.arange(air_db.shape[1]) * RATE / (2.0 * (air_db.shape[1] - 1))
    least = np.interp(hertz_axis, (0.0, 2000.0, 5000.0, 9000.0, 16000.0), (-60, -30, -14, -5, 0))
    most = np.interp(hertz_axis, (0.0, 1000.0, 4000.0, 8000.0, 14000.0), (-40, -24, -9, -3, 0))
    return np.asarray(np.clip(air_db, least[None, :], most[None, :]))
