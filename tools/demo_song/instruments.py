"""Bass, electric piano, pad, plucked guitar and lead synth: additive and plucked-string tones."""

from __future__ import annotations

import functools

import numpy as np
from scipy import signal

from .dsp import FRAMES, Audio, add, band, clock, fade_edges, hertz, pan, reverb
from .score import ANSWERS, BARS, BEATS_PER_BAR, CHORDS, RATE, SEED, seconds

Random = np.random.Generator


def bass_note(pitch: float, length: float, strength: float) -> Audio:
    """Synth bass: harmonics that fade the faster the higher they are, lightly driven."""
    times = clock(length + 0.06)
    frequency = hertz(pitch)
    sound = np.zeros(len(times))
    for number in range(1, 25):
        if number * frequency > 6000.0:
            break
        weight = (1.0 if number % 2 else 0.62) / number
        decay = np.exp(-times * (0.9 + 0.55 * number)) * (1.0 if number == 1 else 0.85)
        sound += weight * decay * np.sin(2.0 * np.pi * number * frequency * times)
    driven = np.tanh(1.5 * strength * sound) / 1.2
    return fade_edges(driven, 0.004, 0.07)


def render_bass() -> Audio:
    """The bass stem, [frames, 2] with equal channels."""
    random = np.random.default_rng(SEED + 3)
    track = np.zeros(FRAMES)
    pattern = ((0.0, 0, 1.4), (1.5, 0, 0.45), (2.0, 0, 0.45), (2.5, 12, 0.45), (3.0, 7, 0.45),
               (3.5, 12, 0.45))  # fmt: skip
    for bar, chord in enumerate(CHORDS):
        notes = ((0.0, 0, 3.4),) if bar == BARS - 1 else pattern
        for beat, step, beats_long in notes:
            late = random.normal(0.0, 0.002) if beat else 0.0
            strength = random.uniform(0.88, 1.0)
            note = bass_note(chord.root + step, seconds(beats_long), strength)
            add(track, note, max(0.0, seconds(bar * BEATS_PER_BAR + beat) + late), 0.34 * strength)
    return pan(band(track, 32.0, 5500.0), 0.0)


def piano_note(pitch: float, length: float, strength: float) -> Audio:
    """Electric piano by frequency modulation: a mellow body and a short bell-like tine."""
    times = clock(length + 0.25)
    frequency = hertz(pitch)
    body_index = 1.3 * strength * np.exp(-times / 0.5)
    body = np.sin(
        2 * np.pi * frequency * times + body_index * np.sin(2 * np.pi * frequency * times)
    )
    tine_index = 0.9 * strength * np.exp(-times / 0.12)
    tine = np.sin(
        2 * np.pi * frequency * times + tine_index * np.sin(2 * np.pi * 14.0 * frequency * times)
    )
    fade = np.exp(-times / (1.1 + 12.0 / pitch))
    return strength * fade_edges((0.7 * body + 0.3 * tine) * fade, 0.003, 0.22)


def render_piano(random: Random) -> Audio:
    """Chords in a syncopated rhythm, with a slow stereo tremolo."""
    track = np.zeros((FRAMES, 2))
    rhythm = ((0.0, 1.3, 1.0), (1.5, 0.9, 0.8), (2.5, 1.3, 0.9))
    for bar, chord in enumerate(CHORDS):
        for beat, beats_long, strength in ((0.0, 3.4, 1.0),) if bar == BARS - 1 else rhythm:
            for index, pitch in enumerate(chord.voicing):
                start = seconds(bar * BEATS_PER_BAR + beat) + index * random.uniform(0.002, 0.006)
                level = strength * random.uniform(0.85, 1.0)
                note = piano_note(pitch, seconds(beats_long), level)
                add(track, pan(note, -0.25 + 0.17 * index), start, 0.085)
    tremolo = 0.12 * np.sin(2.0 * np.pi * 4.0 * np.arange(FRAMES) / RATE)
    return track * np.stack((1.0 + tremolo, 1.0 - tremolo), axis=1)


@functools.cache
def pad_note(pitch: int) -> Audio:
    """Warm pad of one bar: five detuned, low-passed saws spread over the stereo field."""
    random = np.random.default_rng(SEED + 1000 + pitch)
    times = clock(seconds(BEATS_PER_BAR) + 0.4)
    sound = np.zeros((len(times), 2))
    for position, cents in zip((-0.8, -0.4, 0.0, 0.4, 0.8), (-9, 5, 0, -4, 8), strict=True):
        frequency = hertz(pitch + cents / 100.0)
        phase = random.uniform()
        voice = np.zeros(len(times))
        for number in range(1, int(4000.0 / frequency) + 1):
            rolloff = 1.0 / (1.0 + (number * frequency / 1300.0) ** 2)
            voice += rolloff / number * np.sin(2 * np.pi * number * (frequency * times + phase))
        sound += pan(voice, position)
    return fade_edges(sound / 5.0, 0.22, 0.5)


def render_pad() -> Audio:
    """One sustained chord a bar."""
    track = np.zeros((FRAMES, 2))
    for bar, chord in enumerate(CHORDS):
        for pitch in chord.voicing:
            add(track, pad_note(pitch), seconds(bar * BEATS_PER_BAR), 0.075)
    return track


def pluck(random: Random, pitch: float, length: float, strength: float) -> Audio:
    """Plucked string (Karplus and Strong 1983, fractional delay by linear interpolation)."""
    period = RATE / hertz(pitch)
    delay = int(period - 0.5)
    fraction = period - 0.5 - delay
    excitation = np.zeros(round((length + 0.1) * RATE))
    burst = random.uniform(-1.0, 1.0, delay)
    excitation[:delay] = signal.lfilter([0.45], [1.0, -0.55], burst)
    loss = 0.5 * 10.0 ** (-3.0 * period / RATE / 2.6)
    feedback = np.zeros(delay + 3)
    feedback[0] = 1.0
    feedback[delay : delay + 3] -= loss * np.array([1 - fraction, 1.0, fraction])
    sound = signal.lfilter([1.0], feedback, excitation)
    return strength * fade_edges(band(sound, 90.0, 9000.0), 0.001, 0.09)


def render_guitar(random: Random) -> Audio:
    """Arpeggio in eighths, a little to the right."""
    track = np.zeros((FRAMES, 2))
    order = (0, 2, 1, 3, 2, 1, 3, 2)
    for bar, chord in enumerate(CHORDS):
        steps = order[:4] if bar == BARS - 1 else order
        for eighth, index in enumerate(steps):
            start = seconds(bar * BEATS_PER_BAR + eighth / 2.0) + abs(random.normal(0.0, 0.003))
            ring = 3.0 if bar == BARS - 1 else 1.2
            note = pluck(random, chord.voicing[index], ring, random.uniform(0.75, 1.0))
            add(track, pan(note, 0.5), start, 0.5)
    return track


def render_lead() -> Audio:
    """Short answers between the sung lines: a soft square with vibrato and an echo."""
    track = np.zeros((FRAMES, 2))
    for beat, pitch, beats_long in ANSWERS:
        times = clock(seconds(beats_long) + 0.12)
        wobble = 0.12 * np.minimum(1.0, times / 0.2) * np.sin(2 * np.pi * 5.2 * times)
        phase = 2.0 * np.pi * np.cumsum(hertz(pitch) * 2.0 ** (wobble / 12.0)) / RATE
        tone = sum(np.sin(n * phase) / n**1.6 for n in (1, 2, 3, 5, 7))
        note = fade_edges(tone * np.exp(-times / 0.6), 0.012, 0.1)
        for echo, (gain, position) in enumerate(((0.085, -0.3), (0.034, 0.45), (0.015, -0.5))):
            add(track, pan(note, position), seconds(beat + 0.75 * echo), gain)
    return track


def render_other() -> Audio:
    """The stem of all harmony instruments, [frames, 2]."""
    random = np.random.default_rng(SEED + 4)
    dry = render_piano(random) + render_guitar(random) + render_lead()
    pad = render_pad()
    wet = reverb(dry + 0.5 * pad, 1.4, 0.02, 200.0, 7000.0, SEED + 5)
    return band(dry + pad + 0.2 * wet, 110.0, 15000.0, 1)
