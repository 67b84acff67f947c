"""Is it the voices or the bands that real songs have harder? `python -m tools.train.crossed MODEL DEV`.

Voices and bands of the held-out part of the pools and of each group of songs in DEV are crossed, all at
one level, and separated; the table has the medians of the vocals' SDR. Where a row differs from the
first, real voices are harder than those of training; where a column does, real bands are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from rtstem import separate
from tools.evaluation.scores import GROUPS, load_stems, sdr, with_accompaniment
from tools.train import effects
from tools.train.effects import RATE, decibels
from tools.train.mixing import Mixer
from tools.train.paths import pools_dir

LENGTH, WARM = 480 * 512, 32 * 512  # samples; the recurrences fill at the beginning
LEVEL_DB, BAND_RMS, AUDIBLE = -2.0, 0.08, 1e-3
Source = Callable[[np.random.Generator], np.ndarray]  # audio [2, LENGTH]


def window(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random part of [n, 2] as [2, LENGTH]; shorter audio is repeated."""
    audio = np.tile(audio.T, -(-LENGTH // len(audio)))
    start = int(rng.integers(audio.shape[1] - LENGTH + 1))
    return audio[:, start : start + LENGTH]


def sources(dev: Path) -> tuple[dict[str, Source], dict[str, Source]]:
    """Voices and bands by name: those of the pools first, then those of the groups of songs."""
    mixer = Mixer(pools_dir(), LENGTH, held_out=True)
    voices: dict[str, Source] = {"own": lambda rng: mixer.voices.produced(rng)[0]}
    bands: dict[str, Source] = {"own": lambda rng: mixer.band(rng).sum(0)}
    for prefix, group in GROUPS.items():
        songs = [with_accompaniment(load_stems(p)[0]) for p in sorted(dev.glob(f"{prefix}*"))]
        songs = [song for song in songs if "vocals" in song]
        for kind, stem in ((voices, "vocals"), (bands, "accompaniment")):
            audio = [song[stem] for song in songs]
            kind[group] = lambda rng, a=audio: window(a[rng.integers(len(a))], rng)
    return voices, bands


def audible(source: Source, rng: np.random.Generator) -> np.ndarray:
    """Audio of a source at full level, drawn again where it rests."""
    while True:
        audio = source(rng)
        level = effects.rms(audio[:, WARM:])
        if level > AUDIBLE:
            return (audio * np.float32(BAND_RMS / level)).astype(np.float32)


def vocals_sdr(voice: np.ndarray, band: np.ndarray, model: Path) -> float:
    """Of a mixture of [2, LENGTH] each, the beginning not judged."""
    found = separate((voice + band).T, RATE, model=model)["vocals"]
    return sdr(voice.T[WARM:], found[WARM:])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dev", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--count", type=int, default=40, help="mixtures of each kind")
    args = parser.parse_args()
    voices, bands = sources(args.dev)
    print(f"{'voices':>12s} |" + "".join(f"{name + ' bands':>18s}" for name in bands))
    for name, voice in voices.items():
        print(f"{name:>12s} |", end="", flush=True)
        for band in bands.values():
            scores = []
            for number in range(args.count):
                rng = np.random.default_rng(number)
                quieter = audible(voice, rng) * decibels(LEVEL_DB)
                scores.append(vocals_sdr(quieter, audible(band, rng), args.model))
            print(f"{median(scores):18.2f}", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
