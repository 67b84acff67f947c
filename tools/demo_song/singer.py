"""The singer: flite speaks each line, the WORLD vocoder sings it.

flite (Debian package `flite`, female voice slt) gives speech and the end time of every phone.
WORLD (pyworld) splits it into pitch, spectral envelope and breathiness; here the pitch is replaced
by the melody, the vowels are stretched to the notes, and the spectrum is rebuilt at 44.1 kHz.
"""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.io import wavfile

from . import melody
from .dsp import FRAMES, Audio, add
from .phones import GLIDES, VOICELESS, VOWELS, consonant_length
from .score import LYRIC, RATE, SEED, Line, seconds

FRAME_MS = 5.0
FRAME = FRAME_MS / 1000.0
FFT_SIZE = 2048


@dataclass(frozen=True)
class Speech:
    """WORLD's view of a spoken line; times in seconds, spectra [frames, bins] at 44.1 kHz bins."""

    phones: tuple[tuple[str, float, float], ...]
    power: NDArray[np.float64]
    aperiodicity: NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A phone on the sung time line: `target` span, the `source` span it is taken from."""

    phone: str
    source: tuple[float, float]
    target: tuple[float, float]


def speak(text: str) -> tuple[int, Audio, tuple[tuple[str, float, float], ...]]:
    """Let flite say a line: sample rate, audio and (phone, start, end) without the pauses."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        command = ["flite", "-voice", "slt", "--setf", "duration_stretch=1.4", "-psdur"]
        done = subprocess.run(
            [*command, "-t", text, "-o", str(path)], capture_output=True, text=True, check=True
        )
        rate, audio = wavfile.read(path)
    phones, start = [], 0.0
    for item in done.stdout.split():
        name, end = item.split(":")
        if name != "pau":
            phones.append((name, start, float(end)))
        start = float(end)
    return rate, audio.astype(np.float64) / 32768.0, tuple(phones)


def widen(spectrum: NDArray[np.float64], rate: int, fall_db: float) -> NDArray[np.float64]:
    """Power spectra in dB from the bins of `rate` to those of 44.1 kHz.

    Above the speech's band the last octave's level goes on, falling by `fall_db` an octave.
    """
    source = np.arange(spectrum.shape[1]) * rate / (2.0 * (spectrum.shape[1] - 1))
    target = np.arange(FFT_SIZE // 2 + 1) * RATE / FFT_SIZE
    edge = 0.92 * rate / 2.0
    wide = np.stack([np.interp(target, source, row) for row in spectrum])
    top = spectrum[:, (source > 0.75 * edge) & (source <= edge)].mean(axis=1, keepdims=True)
    beyond = top - fall_db * np.log2(np.maximum(target, edge) / edge)
    blend = np.clip((target - 0.8 * edge) / (0.2 * edge), 0.0, 1.0)
    return wide * (1.0 - blend) + beyond * blend


def sharpen(power_db: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    """Undo the smoothing of statistical speech: deepen the relief of the envelope over pitch."""
    smooth = ndimage.gaussian_filter1d(power_db, 40.0, axis=1, mode="nearest")
    return smooth + (1.0 + amount) * (power_db - smooth)


def analyse(line: Line) -> Speech:
    """Speak a line and split it. Raises ValueError when flite says other phones than the score."""
    import pyworld

    rate, audio, phones = speak(line.text)
    said = " ".join(phone for phone, _, _ in phones)
    wanted = " ".join(syllable.phones for syllable in line.syllables)
    if said != wanted:
        raise ValueError(f"{line.text!r}: flite says {said!r}, the score says {wanted!r}")
    pitch, times = pyworld.harvest(audio, rate, 100.0, 400.0, FRAME_MS)
    envelope = pyworld.cheaptrick(audio, pitch, times, rate)
    aperiodicity = pyworld.d4c(audio, pitch, times, rate)
    power_db = sharpen(widen(10.0 * np.log10(envelope + 1e-14), rate, 14.0), 0.3)
    air_db = np.minimum(0.0, widen(20.0 * np.log10(aperiodicity + 1e-6), rate, -6.0))
    return Speech(phones, power_db, air_db)


def place(line: Line, speech: Speech) -> list[Segment]:
    """Put every phone on the sung time line (seconds from the line's first beat).

    The vowel starts on the beat, its onset consonants before it, its coda at the note's end.
    """
    groups, first = [], 0
    for syllable in line.syllables:
        count = len(syllable.phones.split())
        groups.append(speech.phones[first : first + count])
        first += count
    lead_ins = []
    for group in groups:
        vowel = next(i for i, phone in enumerate(group) if phone[0] in VOWELS)
        lead_ins.append((vowel, sum(consonant_length(*phone) for phone in group[:vowel])))
    segments: list[Segment] = []
    for index, (syllable, group) in enumerate(zip(line.syllables, groups, strict=True)):
        vowel, lead_in = lead_ins[index]
        end = seconds(syllable.start + syllable.length)
        if index + 1 < len(groups):
            end = min(end, seconds(line.syllables[index + 1].start) - lead_ins[index + 1][1])
        time = seconds(syllable.start) - lead_in
        coda = sum(consonant_length(*phone) for phone in group[vowel + 1 :])
        for position, (phone, start, stop) in enumerate(group):
            length = consonant_length(phone, start, stop)
            if position == vowel:
                length = end - coda - time
            segments.append(Segment(phone, (start, stop), (time, time + length)))
            time += length
    return segments


def warp(segment: Segment, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Source times for target times inside a segment; only the steady part of a vowel stretches."""
    (source, source_end), (target, target_end) = segment.source, segment.target
    long, sung = source_end - source, target_end - target
    if segment.phone not in VOWELS or sung <= long:
        return np.interp(times, (target, target_end), (source, source_end))
    hold, leave = (0.2, 0.42) if segment.phone in GLIDES else (0.35, 0.65)
    return np.interp(
        times,
        (target, target + hold * long, target_end - (1.0 - leave) * long, target_end),
        (source, source + hold * long, source + leave * long, source_end),
    )


def sing(line: Line, speech: Speech, transpose: dict[int, int] | None, seed: int) -> Audio:
    """One line as mono audio that starts melody.LEAD_IN seconds before the line's first beat."""
    import pyworld

    segments = place(line, speech)
    times = np.arange(-melody.LEAD_IN, segments[-1].target[1] + melody.TAIL, FRAME)
    source = np.full(len(times), -1.0)
    voiced = np.zeros(len(times), bool)
    for segment in segments:
        inside = (times >= segment.target[0]) & (times < segment.target[1])
        source[inside] = warp(segment, times[inside])
        voiced[inside] = segment.phone not in VOICELESS
    sounding = source >= 0.0
    index = np.where(sounding, source / FRAME, 0.0)
    power_db = ndimage.map_coordinates(
        speech.power, np.meshgrid(index, np.arange(speech.power.shape[1]), indexing="ij"), order=1,
        mode="nearest",
    )  # fmt: skip
    air_db = speech.aperiodicity[np.minimum(np.rint(index).astype(int), len(speech.power) - 1)]
    power_db = melody.perform_level(power_db, times, segments, line, seed)
    power_db[~sounding] = -140.0
    power_db = ndimage.gaussian_filter1d(power_db, 1.2, axis=0)
    air_db = np.where(voiced[:, None], melody.perform_air(air_db), 0.0)
    pitch = np.where(voiced, melody.perform_pitch(times, line, transpose, seed), 0.0)
    return pyworld.synthesize(
        pitch,
        np.ascontiguousarray(10.0 ** (power_db / 10.0)),
        np.ascontiguousarray(np.minimum(1.0, 10.0 ** (air_db / 20.0))),
        RATE,
        FRAME_MS,
    )


def render_voice(
    speeches: list[Speech], first_line: int, transpose: dict[int, int] | None, take: int
) -> Audio:
    """One take of the song from `first_line` on, mono, dry; takes differ like real doubles do."""
    track = np.zeros(FRAMES)
    for number, (line, speech) in enumerate(zip(LYRIC, speeches, strict=True)):
        if number >= first_line:
            seed = SEED + 100 * take + number
            late = 0.0 if take == 0 else float(np.random.default_rng(seed).normal(0.0, 0.012))
            audio = sing(line, speech, transpose, seed)
            add(track, audio, seconds(line.start) - melody.LEAD_IN + late)
    return track
