"""Arranges MIDI songs for three stems and renders them with SoundFonts and one-shots."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import mido
import numpy as np

from tools.train.midi import DRUM_CHANNEL, Note, excerpt, read_notes, tempo_map, write_midi

SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),
    Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
)
BASS_PROGRAMS = (32, 33, 33, 33, 34, 34, 35, 36, 37, 38, 38, 39, 43, 87)
CHORD_PROGRAMS = (0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 16, 17, 18, 19, 21, 24, 25, 25, 26, 27, 27, 28,
                  29, 30, 30, 45, 46, 48, 49, 50, 51, 61, 62, 63, 88, 89, 90, 94, 95)  # fmt: skip
LEAD_PROGRAMS = (0, 4, 9, 11, 12, 13, 15, 21, 22, 24, 26, 27, 29, 30, 40, 41, 42, 44, 56, 57, 59, 60,
                 64, 65, 66, 67, 68, 71, 72, 73, 74, 75, 77, 78, 79, 80, 81, 84, 104, 105,
                 107)  # fmt: skip
VOICE_PROGRAMS = {52, 53, 54, 85, 91}  # choirs: never rendered as "other"
DRUM_KITS = (0, 0, 8, 16, 24, 25, 32, 40)
GAP = 0.75  # seconds of silence after each excerpt


@dataclass
class Guitar:
    """Notes for a clean electric guitar, its amplifier's gain in dB, how often it is recorded."""

    notes: list[Note]
    gain_db: float
    takes: int = 1


@dataclass
class Arrangement:
    """Notes of the three accompanying stems over one excerpt; guitars belong to "other"."""

    seconds: float
    drums: list[Note]
    bass: list[Note]
    other: list[Note]
    guitars: list[Guitar] = field(default_factory=list)


@dataclass(frozen=True)
class Groove:
    """A recorded drum performance, the tempo it was played at and its style."""

    notes: list[Note]
    bpm: float
    style: str = ""

    def fill(self, bpm: float, seconds: float) -> list[Note]:
        """Loop whole bars of the performance, stretched to another tempo."""
        stretch, bar = self.bpm / bpm, 240.0 / self.bpm
        length = max(bar, np.floor(self.notes[-1].end / bar) * bar) * stretch
        out, offset = [], 0.0
        while offset < seconds:
            for n in self.notes:
                start = n.start * stretch
                if start < length and offset + start < seconds - 0.05:
                    begin = offset + start
                    out.append(replace(n, start=begin, end=begin + 0.1, channel=DRUM_CHANNEL))
            offset += length
        return out


@cache
def load_grooves(folder: Path) -> list[Groove]:
    """Every 4/4 beat of the Groove MIDI data set that is at least two bars long; read once."""
    grooves = []
    for path in sorted(folder.rglob("*_beat_4-4.mid")):
        bpm, notes = float(path.stem.split("_")[-3]), read_notes(path)
        if len(notes) > 8 and notes[-1].end > 480.0 / bpm:
            style = path.stem.split("_")[1].split("-")[0]
            grooves.append(Groove(notes, bpm, style))
    return grooves


def pick_groove(grooves: list[Groove], bpm: float, rng: np.random.Generator) -> Groove:
    """A groove played near a tempo (or near half or double of it)."""
    near = [g for g in grooves if min(abs(np.log2(g.bpm / bpm) - k) for k in (-1, 0, 1)) < 0.3]
    groove = (near or grooves)[rng.integers(len(near or grooves))]
    return replace(groove, bpm=groove.bpm / 2 ** round(float(np.log2(groove.bpm / bpm))))


def bass_line(
    chords: list[Note], beat: float, program: int, rng: np.random.Generator
) -> list[Note]:
    """Lowest notes of the accompaniment, folded into bass range, in one of four rhythms."""
    roots: list[Note] = []
    for n in chords:
        if n.pitch > 60:
            continue
        if roots and n.start - roots[-1].start < 0.06:
            if n.pitch < roots[-1].pitch:
                roots[-1] = replace(n, start=roots[-1].start)
        elif not roots or n.start - roots[-1].start >= beat * 0.9:
            roots.append(n)
    step = beat * float(rng.choice([4.0, 1.0, 0.5, 0.5]))
    length = step * rng.uniform(0.5, 1.0)
    line = []
    for n, following in zip(roots, [*roots[1:], None], strict=False):
        until = min(following.start if following else n.start + 2 * beat, n.start + 4 * beat)
        pitch, at = 28 + (n.pitch - 28) % 12 + (12 if rng.random() < 0.1 else 0), n.start
        while at < until - 0.05:
            jump = 12 if rng.random() < 0.08 else 7 if rng.random() < 0.06 else 0
            end, loud = min(at + length, until), int(rng.integers(70, 125))
            line.append(Note(at, end, pitch + jump, loud, 1, program))
            at += step
    return line


def arrange_pop(
    path: Path, seconds: float, grooves: list[Groove], rng: np.random.Generator
) -> Arrangement:
    """A POP909 song: drums from a groove, bass from the piano, melody on a random lead."""
    notes = read_notes(path)
    ticks, times = tempo_map(mido.MidiFile(path, clip=True))
    beat = float(np.interp(480, ticks, times)) if len(times) > 1 else 0.5
    latest = max(1.0, notes[-1].end - seconds)
    start = np.round(rng.uniform(0, latest) / beat) * beat
    notes = excerpt(notes, start, seconds)
    chords = [n for n in notes if n.track == "PIANO"]
    programs = {
        "PIANO": (2, int(rng.choice(CHORD_PROGRAMS))),
        "BRIDGE": (3, int(rng.choice(LEAD_PROGRAMS + CHORD_PROGRAMS))),
        "MELODY": (4, int(rng.choice(LEAD_PROGRAMS))),
    }
    shown = {"PIANO"} | {t for t, p in (("BRIDGE", 0.8), ("MELODY", 0.65)) if rng.random() < p}
    other = [
        replace(n, channel=programs[n.track][0], program=programs[n.track][1])
        for n in notes
        if n.track in shown
    ]
    if rng.random() < 0.4:  # a pad or strings doubling the chords
        pad = int(rng.choice([48, 49, 50, 88, 89, 90, 94, 16, 25, 27]))
        other += [replace(n, channel=5, program=pad) for n in chords if n.end - n.start > 0.3]
    drums = pick_groove(grooves, 60 / beat, rng).fill(60 / beat, seconds)
    line = bass_line(chords, beat, int(rng.choice(BASS_PROGRAMS)), rng)
    line = excerpt(line, 0.0, seconds)
    song = Arrangement(seconds, drums, line, other)
    if rng.random() < 0.5:  # power chords above the bass, with its rhythm
        song.guitars.append(Guitar(power_chords(line), float(rng.uniform(4, 32)), takes=2))
    if rng.random() < 0.4:  # the melody or the chords through an amplifier, not the synthesiser
        part = str(rng.choice(["MELODY", "PIANO"]))
        channel, gain = programs[part][0], float(rng.uniform(-4, 24 if part == "MELODY" else 6))
        played = [replace(n, channel=0, program=27) for n in notes if n.track == part]
        song.other = [n for n in other if n.channel != channel]
        song.guitars.append(Guitar(played, gain))
    return song


def power_chords(line: list[Note]) -> list[Note]:
    """Root, fifth and octave on a guitar above every note of a bass line."""
    return [
        replace(n, pitch=40 + (n.pitch - 40) % 12 + up, channel=0, program=27)
        for n in line
        for up in (0, 7, 12)
    ]


def arrange_game(path: Path, seconds: float, rng: np.random.Generator) -> Arrangement:
    """A general MIDI piece as it is, its parts sorted by channel and program."""
    notes = read_notes(path)
    notes = excerpt(notes, rng.uniform(0, max(0.0, notes[-1].end - seconds)), seconds)
    drums = [n for n in notes if n.channel == DRUM_CHANNEL]
    pitched = [n for n in notes if n.channel != DRUM_CHANNEL and n.program < 112]
    bass = [n for n in pitched if 32 <= n.program <= 39]
    other = [
        replace(n, program=48) if n.program in VOICE_PROGRAMS else n
        for n in pitched
        if not 32 <= n.program <= 39
    ]
    return Arrangement(seconds, drums, bass, other)


def join(parts: Iterable[tuple[list[Note], float]]) -> tuple[list[Note], float]:
    """Excerpts one after another with a gap: one synthesiser start serves all."""
    notes, offset = [], 0.0
    for part, seconds in parts:
        notes += [replace(n, start=n.start + offset, end=n.end + offset) for n in part]
        offset += seconds + GAP
    return notes, offset


def synthesise(
    notes: list[Note],
    seconds: float,
    soundfont: Path,
    rng: np.random.Generator,
    work: Path,
    dry: bool = False,
) -> np.ndarray:
    """Render notes with FluidSynth to int16 [n, 2]; pans and volumes of channels are random."""
    channels = {n.channel for n in notes}
    centre = dry or channels <= {1, DRUM_CHANNEL}
    pan = {c: 64 if centre else int(rng.integers(20, 108)) for c in channels}
    volume = {c: int(rng.integers(70, 115)) for c in channels}
    midi, raw = work.with_suffix(".mid"), work.with_suffix(".raw")
    write_midi(midi, notes, seconds, pan, volume)
    reverb, chorus = (
        str(int(not dry and rng.random() < 0.6)),
        str(int(not dry and rng.random() < 0.3)),
    )
    options = ["-o", f"synth.reverb.active={reverb}", "-o", f"synth.chorus.active={chorus}"]
    command = ["fluidsynth", "-ni", "-r", "44100", "-g", "0.4", *options, "-T", "raw", "-O", "s16"]
    subprocess.run(
        [*command, "-F", str(raw), str(soundfont), str(midi)],
        check=True,
        capture_output=True,
        timeout=180,
    )
    audio = np.fromfile(raw, np.int16).reshape(-1, 2)
    midi.unlink()
    raw.unlink()
    wanted = int(seconds * 44_100)
    return np.pad(audio, ((0, max(0, wanted - len(audio))), (0, 0)))[:wanted]
