"""The drum kit: every hit is made from decaying sines and filtered noise."""

from __future__ import annotations

import numpy as np

from .dsp import FRAMES, Audio, add, band, clock, fade_edges, pan, reverb
from .score import BARS, BEATS_PER_BAR, SEED, seconds

Random = np.random.Generator


def sweep(length: float, start: float, end: float, fall: float) -> Audio:
    """Sine whose frequency falls from `start` to `end` hertz with time constant `fall`."""
    times = clock(length)
    phase = end * times + (start - end) * fall * (1.0 - np.exp(-times / fall))
    return np.sin(2.0 * np.pi * phase)


def kick(random: Random, strength: float) -> Audio:
    """Bass drum: a falling sine with a short beater click."""
    times = clock(0.42)
    body = sweep(0.42, 175.0, 47.0, 0.028) * np.exp(-times / 0.13)
    click = band(random.standard_normal(len(times)), 1200.0, 7000.0) * np.exp(-times / 0.004)
    sound = np.tanh(1.6 * body) / np.tanh(1.6) + 0.16 * strength * click
    return strength * fade_edges(sound, 0.0008, 0.06)


def snare(random: Random, strength: float) -> Audio:
    """Snare drum: two shell modes and the rattle of the wires."""
    times = clock(0.32)
    shell = sweep(0.32, 245.0, 186.0, 0.02) + 0.6 * sweep(0.32, 390.0, 331.0, 0.02)
    noise = random.standard_normal(len(times))
    wires = band(noise, 1400.0, 9500.0) * np.exp(-times / 0.075)
    crack = band(noise, 2500.0, 12000.0) * np.exp(-times / 0.012)
    sound = 0.5 * shell * np.exp(-times / 0.055) + 0.55 * wires + 0.5 * crack
    return strength * fade_edges(sound, 0.0005, 0.05)


def clap(random: Random, strength: float) -> Audio:
    """Hand clap: three quick bursts and a short room."""
    times = clock(0.25)
    envelope = 0.5 * np.exp(-np.maximum(0.0, times - 0.024) / 0.06) * (times >= 0.024)
    for start in (0.0, 0.011, 0.023):
        envelope += (times >= start) * np.exp(-np.maximum(0.0, times - start) / 0.005)
    noise = band(random.standard_normal(len(times)), 800.0, 6500.0)
    return strength * fade_edges(noise * envelope, 0.0005, 0.05)


def cymbal(random: Random, strength: float, length: float, decay: float, low: float) -> Audio:
    """Hat, ride or crash: a cloud of inharmonic partials and noise above `low` hertz."""
    times = clock(length)
    partials = np.zeros(len(times))
    for frequency in random.uniform(2800.0, 13500.0, 36):
        partials += np.sin(2.0 * np.pi * (frequency * times + random.uniform()))
    sound = band(partials / 6.0 + random.standard_normal(len(times)), low, 16000.0)
    attack = 1.0 + 1.5 * np.exp(-times / 0.006)
    return strength * fade_edges(sound * attack * np.exp(-times / decay), 0.0004, length * 0.3)


def tom(random: Random, strength: float, pitch: float) -> Audio:
    """Tom: a falling sine with a soft stick."""
    times = clock(0.45)
    body = sweep(0.45, pitch * 1.5, pitch, 0.04) * np.exp(-times / 0.16)
    stick = band(random.standard_normal(len(times)), 900.0, 6000.0) * np.exp(-times / 0.008)
    return strength * fade_edges(body + 0.2 * stick, 0.0008, 0.08)


def groove(track: Audio, random: Random, bar: int) -> None:
    """One bar of the beat with small human deviations in time and strength."""

    def hit(sound: Audio, beat: float, position: float, gain: float) -> None:
        late = random.normal(0.0, 0.0025) if beat else 0.0
        add(track, pan(sound, position), seconds(bar * BEATS_PER_BAR + beat) + late, gain)

    last = bar == BARS - 1
    for beat in (0.0,) if last else (0.0, 1.5, 2.0) if bar % 2 == 0 else (0.0, 1.5, 2.0, 3.75):
        hit(kick(random, random.uniform(0.92, 1.0)), beat, 0.0, 0.62)
    if last:
        return
    for beat in (1.0, 3.0):
        hit(snare(random, random.uniform(0.94, 1.0)), beat, 0.04, 0.44)
        hit(clap(random, random.uniform(0.9, 1.0)), beat + 0.01, -0.1, 0.2)
    for beat in (0.75, 2.75):
        hit(snare(random, random.uniform(0.1, 0.18)), beat, 0.04, 0.4)
    for eighth in range(8):
        accent = 1.0 if eighth % 2 == 0 else 0.62
        strength = accent * random.uniform(0.85, 1.0)
        is_open = eighth == 7
        sound = cymbal(random, strength, 0.36 if is_open else 0.12, 0.11 if is_open else 0.03, 6500)
        hit(sound, eighth / 2.0, 0.3, 0.085)
    for sixteenth in range(16):
        strength = (0.5 if sixteenth % 2 else 0.9) * random.uniform(0.7, 1.0)
        grain = fade_edges(band(random.standard_normal(2600), 4500.0, 11000.0), 0.018, 0.03)
        hit(grain, sixteenth / 4.0, -0.45, 0.028 * strength)


def fill(track: Audio, random: Random, bar: int) -> None:
    """Toms and snares over the last two beats of a bar."""
    hits = ((2.0, 210.0), (2.25, 210.0), (2.5, 160.0), (2.75, 160.0), (3.0, 118.0), (3.5, 92.0))
    for index, (beat, pitch) in enumerate(hits):
        sound = pan(tom(random, 0.8 + 0.04 * index, pitch), -0.4 + 0.15 * index)
        add(track, sound, seconds(bar * BEATS_PER_BAR + beat), 0.36)


def render() -> Audio:
    """The drum stem, [frames, 2]."""
    random = np.random.default_rng(SEED + 1)
    track = np.zeros((FRAMES, 2))
    for bar in range(BARS):
        groove(track, random, bar)
        if bar in (3, 7):
            fill(track, random, bar)
        if bar in (0, 4, 8, 10, BARS - 1):
            crash = cymbal(random, 1.0, 2.0, 0.55, 3800.0)
            add(track, pan(crash, -0.25), seconds(bar * BEATS_PER_BAR), 0.1)
    room = reverb(band(track, 180.0, None), 0.55, 0.006, 200.0, 9000.0, SEED + 2)
    return track + 0.16 * room
