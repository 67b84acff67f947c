"""Renders arranged songs into aligned stems: recorded kits, amplified guitars, SoundFonts, samples."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tools.train import songs
from tools.train.band import arrange_band
from tools.train.effects import decibels
from tools.train.kits import Drummer, load_kits
from tools.train.midi import Note
from tools.train.pools import RATE, normalised
from tools.train.recording import bass_amp, drum_bus, guitar_amp, room
from tools.train.sampler import Instrument, OneShots, pan_gains

GENERAL_KITS = (songs.SOUNDFONTS[0], songs.SOUNDFONTS[2])
EXCERPT_SECONDS = 42.0
Part = tuple[dict[str, np.ndarray], dict[str, object]]


@dataclass(frozen=True)
class Sources:
    """Input folders."""

    data: Path
    midi: Path
    games: Path
    drumkits: Path


def bass_instrument(sources: Sources, rng: np.random.Generator) -> Instrument:
    """A sampled bass: the double bass, plucked or bowed, or one sound of the rest."""
    folder = sources.data / "bass"
    if rng.random() < 0.6:
        pattern = f"vl{rng.integers(1, 5)}_rr{rng.integers(1, 5)}"
        files = sorted((folder / "meatbass" / "pizz").glob(f"*{pattern}.ogg"))
        if files and rng.random() < 0.85:
            return Instrument.from_files(files, 36, shift=12)
        files = sorted((folder / "meatbass" / "arco").glob(f"*vl{rng.integers(1, 3)}_up.ogg"))
        return Instrument.from_files(files, 36, shift=12)
    files = sorted(folder.glob("dirt-samples/*/*.ogg")) + sorted(folder.glob("sonic-pi/*.ogg"))
    return Instrument.from_files([files[rng.integers(len(files))]], 36)


def chord_instrument(sources: Sources, rng: np.random.Generator) -> Instrument:
    """The sampled piano or one sound of the library."""
    if rng.random() < 0.4:
        files = sorted((sources.data / "other" / "salamander-piano").glob("*.ogg"))
        return Instrument.from_files(files, 60)
    files = sorted((sources.data / "other" / "berklee").glob("*.ogg"))
    return Instrument.from_files([files[rng.integers(len(files))]], 60)


def soundfont_stem(
    notes: list[Note], seconds: float, rng: np.random.Generator, dry: bool = False
) -> np.ndarray:
    """Notes by a random SoundFont as float [2, n]."""
    soundfont = songs.SOUNDFONTS[rng.integers(len(songs.SOUNDFONTS))]
    with tempfile.TemporaryDirectory() as work:
        rendered = songs.synthesise(notes, seconds, soundfont, rng, Path(work) / "part", dry)
    return rendered.T.astype(np.float32) / 32_768


def level(audio: np.ndarray, gain_db: float) -> np.ndarray:
    """Audio at a loudness relative to the reference."""
    return normalised(audio) * decibels(gain_db)


def render_drums(song: songs.Arrangement, sources: Sources, rng: np.random.Generator) -> np.ndarray:
    """Mostly a recorded kit; else one-shots or a SoundFont."""
    if rng.random() < 0.72:
        kits = load_kits(sources.drumkits, GENERAL_KITS)
        return drum_bus(Drummer(kits, rng).play(song.drums, song.seconds, rng), rng)
    if rng.random() < 0.5:
        kit = OneShots(sources.data / "drums" / "oneshots").kit(rng)
        return kit.play(song.drums, song.seconds, rng)
    program = int(rng.choice(songs.DRUM_KITS))
    return soundfont_stem([replace(n, program=program) for n in song.drums], song.seconds, rng)


def render_bass(song: songs.Arrangement, sources: Sources, rng: np.random.Generator) -> np.ndarray:
    """A SoundFont or a sampled bass, often through an amplifier."""
    if rng.random() < 0.2:
        audio = bass_instrument(sources, rng).play(song.bass, song.seconds)
    else:
        audio = soundfont_stem(song.bass, song.seconds, rng, dry=rng.random() < 0.8)
    return bass_amp(audio, rng) if rng.random() < 0.65 else audio


def retaken(notes: list[Note], rng: np.random.Generator) -> list[Note]:
    """The same part played once more: other times, other loudness."""
    out = []
    for n in notes:
        late = float(rng.normal(0, 0.007))
        loud = int(np.clip(n.velocity + rng.normal(0, 7), 1, 127))
        start = max(0.0, n.start + late)
        out.append(replace(n, start=start, end=max(start + 0.03, n.end + late), velocity=loud))
    return sorted(out, key=lambda n: n.start)


def render_guitar(guitar: songs.Guitar, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """One guitar part, one or two takes of it through amplifiers, panned apart: [2, n]."""
    side = rng.uniform(0.5, 1.0) * (1 if rng.random() < 0.5 else -1)
    pans = (side, -side) if guitar.takes == 2 else (rng.uniform(-0.7, 0.7),)
    out = np.zeros((2, int(seconds * RATE)), np.float32)
    for pan in pans:
        clean = soundfont_stem(retaken(guitar.notes, rng), seconds, rng, dry=True).mean(axis=0)
        if np.abs(clean).max() > 1e-4:
            out += pan_gains(pan) * level(guitar_amp(clean, guitar.gain_db, rng)[None], 0.0)
    return room(out, rng, rng.uniform(-26, -10)) if rng.random() < 0.6 else out


def render_other(song: songs.Arrangement, sources: Sources, rng: np.random.Generator) -> np.ndarray:
    """Keys and other instruments by SoundFont or samples, and the guitars."""
    out, notes = np.zeros((2, int(song.seconds * RATE)), np.float32), song.other
    if rng.random() < 0.2:
        chords = [n for n in notes if n.channel == 2]
        notes = [n for n in notes if n.channel != 2]
        if chords:
            out += level(chord_instrument(sources, rng).play(chords, song.seconds), -6)
    if notes:
        out += level(soundfont_stem(notes, song.seconds, rng), rng.uniform(-9, 0))
    for guitar in song.guitars:
        out += level(render_guitar(guitar, song.seconds, rng), rng.uniform(-5, 1))
    return out


def song_part(seed: int, path: Path | None, sources: Sources) -> Part:
    """One excerpt as aligned drums, bass and other; without a path, of a song newly written."""
    rng = np.random.default_rng([7, seed])
    grooves = songs.load_grooves(sources.midi / "groove")
    if path is None:
        song, source = arrange_band(EXCERPT_SECONDS, grooves, rng), "band"
    elif "POP909" in path.parts:
        song, source = songs.arrange_pop(path, EXCERPT_SECONDS, grooves, rng), "pop909"
    else:
        song = songs.arrange_game(path, EXCERPT_SECONDS, rng)
        source = "freedoom" if "freedoom" in path.parts else "games"
    renderers = {"drums": render_drums, "bass": render_bass, "other": render_other}
    stems = {name: normalised(render(song, sources, rng)) for name, render in renderers.items()}
    return stems, {"source": source}
