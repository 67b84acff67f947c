"""Builds the audio pools: ``python -m tools.train.prepare --data DATA --midi MIDI --games GAMES``.

DATA is the folder of training audio (vocals/, drums/, bass/, other/), MIDI holds the unpacked
archives (pop909/, freedoom/, groove/), GAMES any tree of instrumental music. Nothing under
DATA/dev is ever read.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import Pool as Processes
from pathlib import Path

import numpy as np

from tools.train import songs
from tools.train.games import instrumental
from tools.train.kits import Drummer, load_kits
from tools.train.paths import pools_dir
from tools.train.pools import RATE, PoolWriter, normalised
from tools.train.recording import drum_bus
from tools.train.rendering import GENERAL_KITS, Part, Sources, song_part
from tools.train.sampler import OneShots, load_stereo

SOURCE_WEIGHT = {"speech": 0.15, "syllables": 0.2}
CLEAN_SINGING = ("gtsinger", "m4singer", "tcsinger", "stylesinger", "seyong92", "techsinger",
                  "ravdess-song")  # fmt: skip
FRAME, FULL_BAND = 2_048, 15_000.0


def gate_noise(audio: np.ndarray, floor_db: float = -48.0) -> np.ndarray:
    """Fade out frames far below the clip's loudest: background noise is not voice."""
    hop = 882
    frames = audio[:, : audio.shape[1] // hop * hop].reshape(audio.shape[0], -1, hop)
    level = 10 * np.log10(np.square(frames).mean(axis=(0, 2)) + 1e-10)
    level = np.convolve(level, np.ones(5) / 5, mode="same")
    gain = np.clip((level - (np.percentile(level, 98) + floor_db)) / 8.0, 0.0, 1.0)
    at = np.arange(audio.shape[1]) / hop - 0.5
    return audio * np.interp(at, np.arange(len(gain)), gain).astype(np.float32)


def band_limit(audio: np.ndarray) -> float:
    """Hz above which a voice [1, n] sinks into its own background; 0 where it has all the treble.

    What one loud frame in twenty reaches (sibilants do, clicks at joints do not) is held against
    the same of the quietest frames and against 75 dB below its maximum.
    """
    frames = audio[0, : audio.shape[1] // FRAME * FRAME].reshape(-1, FRAME)
    level = np.square(frames).mean(axis=1)
    sounding = level > level.max() * 1e-7  # joints between phrases are digital silence
    loud = frames[level > level.max() * 1e-3]
    quiet = frames[sounding & (level <= np.quantile(level[sounding], 0.05))]

    def spectrum(block: np.ndarray) -> np.ndarray:
        power = np.square(np.abs(np.fft.rfft(block * np.hanning(FRAME), axis=1)))
        usual = np.quantile(power, 0.95, axis=0)
        return 10 * np.log10(np.convolve(usual, np.ones(33) / 33, mode="same") + 1e-15)

    voice = spectrum(loud)
    floor = np.maximum(spectrum(quiet) + 4, voice.max() - 75)
    edge = float(np.flatnonzero(voice > floor)[-1]) * RATE / FRAME
    return 0.0 if edge > FULL_BAND else round(edge, -2)


def vocal_part(path: Path, weight: float) -> Part:
    """One vocal file, mono."""
    audio = load_stereo(path)[:1]
    limit = 8_000.0 if path.parent.name == "mir1k" else band_limit(audio)
    facts = {"source": path.parent.name, "weight": weight, "band_limit": limit}
    return {"vocals": normalised(gate_noise(audio), 0.12)}, facts


def vocal_parts(sources: Sources) -> list[Callable[[], Part]]:
    """All voices of the manifest's training part; clean singing is half of what is drawn."""
    with open(sources.data / "manifest.csv", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["class"] == "vocals" and r["split"] == "train"]
    mass = {True: 0.0, False: 0.0}
    for r in rows:
        clean = Path(r["path"]).parent.name in CLEAN_SINGING
        mass[clean] += float(r["seconds"]) * SOURCE_WEIGHT.get(r["kind"], 1.0)
    parts: list[Callable[[], Part]] = []
    for r in rows:
        weight = SOURCE_WEIGHT.get(r["kind"], 1.0)
        if Path(r["path"]).parent.name in CLEAN_SINGING:
            weight *= mass[False] / mass[True]
        parts.append(partial(vocal_part, sources.data / r["path"], weight))
    return parts


def song_parts(sources: Sources, count: int) -> list[Callable[[], Part]]:
    """Songs written for a band (half), pop songs and game songs, shuffled."""
    rng = np.random.default_rng(6)
    pop = sorted((sources.midi / "pop909").rglob("*.mid"))
    game = sorted(p for name in ("freedoom", "games") for p in (sources.midi / name).rglob("*.mid"))
    chosen: list[Path | None] = [None] * (count // 2)
    chosen += [game[i] for i in rng.permutation(len(game))[: count // 5]]
    chosen += [pop[i] for i in rng.permutation(len(pop))[: count - len(chosen)]]
    order = rng.permutation(len(chosen))
    return [partial(song_part, i, chosen[k], sources) for i, k in enumerate(order)]


def kit_part(seed: int, sources: Sources) -> Part:
    """A minute of one groove on a random kit of one-shots."""
    rng = np.random.default_rng([3, seed])
    grooves = songs.load_grooves(sources.midi / "groove")
    groove, seconds = grooves[rng.integers(len(grooves))], 60.0
    notes = groove.fill(groove.bpm * rng.uniform(0.9, 1.1), seconds)
    kit = OneShots(sources.data / "drums" / "oneshots").kit(rng)
    return {"drums": normalised(kit.play(notes, seconds, rng))}, {"source": "one-shots"}


def recorded_kit_part(seed: int, number: int, sources: Sources) -> Part:
    """Half a minute of one performance on a recorded kit, as a studio would have it."""
    rng = np.random.default_rng([5, seed])
    grooves = songs.load_grooves(sources.midi / "groove")
    groove, seconds = grooves[number], 30.0
    notes = groove.fill(groove.bpm * rng.uniform(0.92, 1.08), seconds)
    drums = Drummer(load_kits(sources.drumkits, GENERAL_KITS), rng).play(notes, seconds, rng)
    return {"drums": normalised(drum_bus(drums, rng))}, {"source": "recorded-kits"}


def file_part(path: Path, stem: str, start: float = 0.0, seconds: float = 90.0) -> Part:
    """A piece of a recording (short ones as they are)."""
    audio = load_stereo(path)[:, int(start * RATE) : int((start + seconds) * RATE)]
    return {stem: normalised(audio)}, {"source": path.parent.name}


def drum_parts(sources: Sources, count: int, recorded: int) -> list[Callable[[], Part]]:
    """Recorded kits and one-shots played by grooves, and recorded loops (a few seconds each)."""
    loops = sorted((sources.data / "drums" / "loops").rglob("*.ogg"))
    parts: list[Callable[[], Part]] = [partial(file_part, p, "drums") for p in loops]
    parts += [partial(kit_part, i, sources) for i in range(count)]
    # Every performance once before any is played again.
    order = np.random.default_rng(4).permutation(len(songs.load_grooves(sources.midi / "groove")))
    wanted = np.resize(order, 2 * recorded)
    return parts + [partial(recorded_kit_part, i, int(k), sources) for i, k in enumerate(wanted)]


def other_parts(sources: Sources) -> list[Callable[[], Part]]:
    """Recorded instruments without voice."""
    files = sorted((sources.data / "other").rglob("*.ogg"))
    return [partial(file_part, p, "other") for p in files if p.parent.name != "salamander-piano"]


def game_parts(sources: Sources) -> list[Callable[[], Part]]:
    """Up to four minutes of each instrumental track, known only as accompaniment."""
    files = instrumental(sources.games)
    return [partial(file_part, p, "accompaniment", start=2.0, seconds=240.0) for p in files]


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
    parser.add_argument("--drumkits", type=Path, required=True)
    parser.add_argument("--songs", type=int, default=250, help="MIDI songs to render")
    parser.add_argument("--kits", type=int, default=45, help="minutes of one-shot drums")
    parser.add_argument("--recorded", type=int, default=200, help="minutes of recorded kits")
    parser.add_argument("--only", nargs="+", help="build these pools only")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    sources = Sources(args.data, args.midi, args.games, args.drumkits)
    load_kits(sources.drumkits, GENERAL_KITS)  # before the workers are forked, who share both
    songs.load_grooves(sources.midi / "groove")
    pools = {
        "drums": (("drums",), partial(drum_parts, sources, args.kits, args.recorded), 20),
        "songs": (("drums", "bass", "other"), partial(song_parts, sources, args.songs), 25),
        "accompaniment": (("accompaniment",), partial(game_parts, sources), 25),
        "vocals": (("vocals",), partial(vocal_parts, sources), 25),
        "other": (("other",), partial(other_parts, sources), 20),
    }
    for name, (stems, tasks, held) in pools.items():
        if name in (args.only or pools):
            build(name, stems, tasks(), args.workers, held)


if __name__ == "__main__":
    main()
