"""Measures a model on songs with true stems: ``python -m tools.train.evaluate MODEL.onnx DEV``.

Separation runs through ``rtstem.separate``: the path of the product, hop by hop, no future. The
measure is the whole excerpt's signal-to-distortion ratio, 10 log10(sum ref^2 / sum (ref-est)^2);
"improvement" is against taking the mixture itself as the estimate.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import soundfile as sf

from rtstem import separate

Separated = Callable[[np.ndarray, int], Mapping[str, np.ndarray]]
Scores = dict[str, tuple[float, float]]  # stem -> (SDR of the estimate, SDR of the mixture)
COLUMNS = ("vocals", "accompaniment", "drums", "bass", "other")
GROUPS = {"MusicDelta": "MusicDelta", "mir1k": "MIR-1K"}  # prefix of a song's folder -> group


def load_stems(folder: Path) -> tuple[dict[str, np.ndarray], int]:
    """Stem name -> [frames, channels], and the rate; a silent stem has no file."""
    stems, rate = {}, 44_100
    for path in sorted(folder.glob("*.ogg")):
        stems[path.stem], rate = sf.read(path, dtype="float32", always_2d=True)
    return stems, rate


def sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-distortion ratio in dB over the whole excerpt."""
    signal = np.square(reference, dtype=np.float64).sum()
    distortion = np.square(reference - estimate, dtype=np.float64).sum()
    return float(10 * np.log10(signal / (distortion + 1e-12)))


def with_accompaniment(stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the sum of everything but the vocals where it is not a stem of its own."""
    if "accompaniment" in stems:
        return stems
    rest = [audio for name, audio in stems.items() if name != "vocals"]
    return {**stems, "accompaniment": np.sum(rest, axis=0)}


def score_song(folder: Path, separated: Separated) -> Scores:
    """Every true stem of one song that sounds; without vocals only the instruments count.

    ``separated`` makes stems of a mixture [frames, channels] and its rate.
    """
    references, rate = load_stems(folder)
    mixture = np.sum(list(references.values()), axis=0)
    references = with_accompaniment(references)
    if "vocals" not in references:
        del references["accompaniment"]
    estimates = with_accompaniment(separated(mixture, rate))
    return {
        name: (sdr(reference, estimates[name]), sdr(reference, mixture))
        for name, reference in references.items()
    }


def summarise(songs: dict[str, Scores]) -> dict[str, dict[str, dict[str, float]]]:
    """Medians per group and stem: SDR, and improvement over the mixture."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for prefix, group in (*GROUPS.items(), ("", "all")):
        members = [scores for name, scores in songs.items() if name.startswith(prefix)]
        for stem in COLUMNS:
            values = [scores[stem] for scores in members if stem in scores]
            if values:
                summary.setdefault(group, {})[stem] = {
                    "sdr": round(median(v for v, _ in values), 2),
                    "improvement": round(median(v - base for v, base in values), 2),
                }
    return summary


def table(songs: dict[str, Scores], summary: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown: SDR and improvement of every song, then the medians."""
    lines = ["| song | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, scores in songs.items():
        cells = [f"{scores[s][0]:.1f} ({scores[s][0] - scores[s][1]:+.1f})" if s in scores else ""
                 for s in COLUMNS]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for group, stems in summary.items():
        cells = [f"{stems[s]['sdr']:.2f} ({stems[s]['improvement']:+.2f})" if s in stems else ""
                 for s in COLUMNS]  # fmt: skip
        lines.append(f"| **median {group}** | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("songs", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--json", type=Path, help="write all figures here")
    args = parser.parse_args()
    songs = {}
    for folder in sorted(p for p in args.songs.iterdir() if p.is_dir()):
        songs[folder.name] = score_song(folder, partial(separate, model=args.model))
    summary = summarise(songs)
    print(table(songs, summary))
    if args.json:
        args.json.write_text(json.dumps({"summary": summary, "songs": songs}, indent=1))


if __name__ == "__main__":
    main()
