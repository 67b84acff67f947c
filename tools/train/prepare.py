"""Builds the audio pools: ``python -m tools.train.prepare --data DATA --midi MIDI --games GAMES``.

DATA is the folder of training audio (vocals/, drums/, bass/, other/), MIDI holds the unpacked
archives (pop909/, freedoom/, groove/), GAMES any tree of instrumental music. Nothing under
DATA/dev is ever read.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool as Processes
from pathlib import Path

import numpy as np

from tools.train import songs
from tools.train.paths import pools_dir
from tools.train.pools import RATE, PoolWriter, normalised
from tools.train.sampler import Instrument, OneShots, load_stereo

SOURCE_WEIGHT = {"speech": 0.15, "syllables": 0.2}
CLEAN_SINGING = ("gtsinger", "m4singer", "tcsinger", "stylesinger", "seyong92", "tech-singer")
SUNG_OR_NOISY = {
    "tux_rap", "pirate", "sheep", "sdmusic", "olympics_sd", "nunc_dimittis", "heroes_rite",
    "the_king_is_dead",
}  # fmt: skip
ALBUM, EXCERPT_SECONDS = 5, 42.0
Part = tuple[dict[str, np.ndarray], dict[str, object]]


@dataclass(frozen=True)
class Sources:
    """Input folders."""

    data: Path
    midi: Path
    games: Path


def gate_noise(audio: np.ndarray, floor_db: float = -48.0) -> np.ndarray:
    """Fade out frames far below the clip's loudest: background noise is not voice."""
    hop = 882
    frames = audio[:, : audio.shape[1] // hop * hop].reshape(audio.shape[0], -1, hop)
    level = 10 * np.log10(np.square(frames).mean(axis=(0, 2)) + 1e-10)
    level = np.convolve(level, np.ones(5) / 5, mode="same")
    gain = np.clip((level - (np.percentile(level, 98) + floor_db)) / 8.0, 0.0, 1.0)
    at = np.arange(audio.shape[1]) / hop - 0.5
    return audio * np.interp(at, np.arange(len(gain)), gain).astype(np.float32)


def vocal_part(path: Path, kind: str) -> Part:
    """One vocal file, mono."""
    audio = gate_noise(load_stereo(path)[:1])
    weight = SOURCE_WEIGHT.get(kind, 2.0 if path.parent.name in CLEAN_SINGING else 1.0)
    limit = 8_000.0 if path.parent.name == "mir1k" else 0.0
    facts = {"source": path.parent.name, "weight": weight, "band_limit": limit}
    return {"vocals": normalised(audio, 0.12)}, facts


def vocal_parts(sources: Sources) -> list[Callable[[], Part]]:
    """All singing, syllables and speech named by the manifest as training material."""
    with open(sources.data / "manifest.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["class"] == "vocals" and r["split"] == "train"]
    return [partial(vocal_part, sources.data / r["path"], r["kind"]) for r in rows]


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


def render_stem(
    stem: str, arrangements: list[songs.Arrangement], sources: Sources, rng: np.random.Generator
) -> np.ndarray:
    """One stem of an album as float [2, n], by SoundFont or by samples."""
    notes, seconds = songs.join([(getattr(a, stem), a.seconds) for a in arrangements])
    if stem == "drums" and rng.random() < 0.5:
        return OneShots(sources.data / "drums" / "oneshots").kit(rng).play(notes, seconds, rng)
    if stem == "bass" and rng.random() < 0.3:
        return bass_instrument(sources, rng).play(notes, seconds)
    sampled = np.zeros((2, int(seconds * RATE)), np.float32)
    if stem == "other" and rng.random() < 0.25:
        chords = [n for n in notes if n.track == "PIANO" and n.channel == 2]
        notes = [n for n in notes if not (n.track == "PIANO" and n.channel == 2)]
        sampled = chord_instrument(sources, rng).play(chords, seconds) * 0.25
    if stem == "drums":
        kit = int(rng.choice(songs.DRUM_KITS))
        notes = [replace(n, program=kit) for n in notes]
    soundfont = songs.SOUNDFONTS[rng.integers(len(songs.SOUNDFONTS))]
    with tempfile.TemporaryDirectory() as work:
        rendered = songs.synthesise(notes, seconds, soundfont, rng, Path(work) / stem)
    return sampled + rendered.T.astype(np.float32) / 32_768


def album(
    seed: int, paths: list[Path], sources: Sources, grooves: list[songs.Groove]
) -> list[Part]:
    """Render a few songs into aligned drums, bass and other."""
    rng = np.random.default_rng([2, seed])
    arrangements = []
    for path in paths:
        pop = path.suffix == ".mid" and "POP909" in path.parts
        make = partial(songs.arrange_pop, grooves=grooves) if pop else songs.arrange_game
        arrangements.append(make(path, EXCERPT_SECONDS, rng=rng))
    stems = {s: render_stem(s, arrangements, sources, rng) for s in ("drums", "bass", "other")}
    parts, step = [], int((EXCERPT_SECONDS + songs.GAP) * RATE)
    for i, path in enumerate(paths):
        cut = {s: normalised(a[:, i * step : (i + 1) * step]) for s, a in stems.items()}
        parts.append((cut, {"source": "pop909" if "POP909" in path.parts else "freedoom"}))
    return parts


def song_parts(sources: Sources, count: int) -> list[Callable[[], list[Part]]]:
    """Albums of pop and game songs, shuffled."""
    rng = np.random.default_rng(1)
    grooves = songs.load_grooves(sources.midi / "groove")
    pop = sorted((sources.midi / "pop909").rglob("*.mid"))
    game = sorted((sources.midi / "freedoom").rglob("*.mid"))
    chosen = [pop[i] for i in rng.permutation(len(pop))[: count - min(len(game), count // 3)]]
    chosen += [game[i] for i in rng.permutation(len(game))[: count // 3]]
    chosen = [chosen[i] for i in rng.permutation(len(chosen))]
    albums = [chosen[i : i + ALBUM] for i in range(0, len(chosen), ALBUM)]
    return [partial(album, i, paths, sources, grooves) for i, paths in enumerate(albums)]


def kit_part(seed: int, sources: Sources, grooves: list[songs.Groove]) -> Part:
    """A minute of one groove on a random kit of one-shots."""
    rng = np.random.default_rng([3, seed])
    groove, seconds = grooves[rng.integers(len(grooves))], 60.0
    notes = groove.fill(groove.bpm * rng.uniform(0.9, 1.1), seconds)
    kit = OneShots(sources.data / "drums" / "oneshots").kit(rng)
    return {"drums": normalised(kit.play(notes, seconds, rng))}, {"source": "one-shots"}


def file_part(path: Path, stem: str, start: float = 0.0, seconds: float = 90.0) -> Part:
    """A piece of a recording (short ones as they are)."""
    audio = load_stereo(path)[:, int(start * RATE) : int((start + seconds) * RATE)]
    return {stem: normalised(audio)}, {"source": path.parent.name}


def drum_parts(sources: Sources, count: int) -> list[Callable[[], Part]]:
    """Kits played by grooves, and the recorded loops (a few seconds each, weighted up)."""
    grooves = songs.load_grooves(sources.midi / "groove")
    loops = sorted((sources.data / "drums" / "loops").rglob("*.ogg"))
    parts: list[Callable[[], Part]] = [partial(file_part, p, "drums") for p in loops]
    return parts + [partial(kit_part, i, sources, grooves) for i in range(count)]


def other_parts(sources: Sources) -> list[Callable[[], Part]]:
    """Recorded instruments without voice."""
    files = sorted((sources.data / "other").rglob("*.ogg"))
    return [partial(file_part, p, "other") for p in files if p.parent.name != "salamander-piano"]


def game_parts(sources: Sources) -> list[Callable[[], Part]]:
    """Ninety seconds of each instrumental track, known only as accompaniment."""
    files = sorted(p for p in sources.games.rglob("*") if p.suffix in (".ogg", ".opus"))
    files = [p for p in files if p.stem.lower() not in SUNG_OR_NOISY]
    return [partial(file_part, p, "accompaniment", start=8.0) for p in files]


def call(task: Callable[[], object]) -> object:
    """Run a task in a worker."""
    return task()


def flattened(results: Iterator[object]) -> Iterator[Part]:
    """Tasks give one part or a list of parts."""
    for result in results:
        yield from result if isinstance(result, list) else [result]


def build(name: str, stems: tuple[str, ...], tasks: list, workers: int, held: int) -> None:
    """Render one pool; every ``held``-th region is kept for validation."""
    if (pools_dir() / name / "index.json").exists():
        print(f"{name}: there already")
        return
    writer = PoolWriter(pools_dir() / name, stems)
    with Processes(workers) as processes:
        for i, (audio, facts) in enumerate(flattened(processes.imap(call, tasks))):
            writer.add(audio, held_out=i % held == held - 1, **facts)
    writer.close()
    print(f"{name}: {len(writer.regions)} regions, {writer.length / RATE / 3600:.2f} h", flush=True)


def main() -> None:
    """Build every pool that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--midi", type=Path, required=True)
    parser.add_argument("--games", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=250, help="MIDI songs to render")
    parser.add_argument("--kits", type=int, default=45, help="minutes of one-shot drums")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    sources = Sources(args.data, args.midi, args.games)
    pools = (
        ("vocals", ("vocals",), vocal_parts(sources), 25),
        ("drums", ("drums",), drum_parts(sources, args.kits), 20),
        ("other", ("other",), other_parts(sources), 20),
        ("accompaniment", ("accompaniment",), game_parts(sources), 25),
        ("songs", ("drums", "bass", "other"), song_parts(sources, args.songs), 25),
    )
    for name, stems, tasks, held in pools:
        build(name, stems, tasks, args.workers, held)


if __name__ == "__main__":
    main()
