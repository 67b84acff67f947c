"""Measures a model on songs with true stems: ``python -m tools.evaluate MODEL.onnx DEV``.

Separation runs through ``rtstem.separate``: the path of the product, hop by hop, no future. SDR is
that of the whole excerpt, 10 log10(sum ref^2 / sum (ref-est)^2) (Sound Demixing Challenge,
Fabbro et al., 2024); SI-SDR forgives a wrong gain (Le Roux et al., 2019); "improvement" is against
taking the mixture itself as the estimate.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import soundfile as sf

from rtstem import separate
from rtstem.errors import RtstemError
from tools.evaluation_picture import draw

Separated = Callable[[np.ndarray, int], Mapping[str, np.ndarray]]
COLUMNS = ("vocals", "accompaniment", "drums", "bass", "other")
GROUPS = {"MusicDelta": "MusicDelta", "mir1k": "MIR-1K"}  # prefix of a song's folder -> group


@dataclass(frozen=True)
class Score:
    """How near an estimated stem is to the true one, in dB."""

    sdr: float
    si_sdr: float
    mixture_sdr: float
    """SDR of the mixture taken as the estimate."""

    @property
    def improvement(self) -> float:
        return self.sdr - self.mixture_sdr


Scores = dict[str, Score]
Summary = dict[str, dict[str, dict[str, float]]]


def song_folders(songs: Path) -> list[Path]:
    """The folders in a folder that hold stems, one a song, by name."""
    return sorted({path.parent for path in songs.glob("*/*.ogg")})


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


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant SDR in dB: that of the reference at the gain which fits the estimate best."""
    true, found = reference.astype(np.float64), estimate.astype(np.float64)
    gain = (true * found).sum() / np.square(true).sum()
    return sdr(gain * true, found)


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
        name: Score(sdr(true, estimates[name]), si_sdr(true, estimates[name]), sdr(true, mixture))
        for name, true in references.items()
    }


def summarise(songs: dict[str, Scores]) -> Summary:
    """Per group and stem: medians of SDR, improvement and SI-SDR, and the mean SDR."""
    summary: Summary = {}
    for prefix, group in (*GROUPS.items(), ("", "all")):
        members = [scores for name, scores in songs.items() if name.startswith(prefix)]
        for stem in COLUMNS:
            found = [scores[stem] for scores in members if stem in scores]
            if found:
                summary.setdefault(group, {})[stem] = {
                    "sdr": round(median(score.sdr for score in found), 2),
                    "improvement": round(median(score.improvement for score in found), 2),
                    "si_sdr": round(median(score.si_sdr for score in found), 2),
                    "mean_sdr": round(mean(score.sdr for score in found), 2),
                }
    return summary


def table(songs: dict[str, Scores], summary: Summary) -> str:
    """Markdown: SDR and improvement of every song, then medians and means of the groups."""
    lines = ["| song | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, scores in songs.items():
        lines.append(row(name, scores, lambda score: f"{score.sdr:.1f} ({score.improvement:+.1f})"))
    for group, stems in summary.items():
        lines += [
            row(
                f"**median {group}**",
                stems,
                lambda of: f"{of['sdr']:.2f} ({of['improvement']:+.2f})",
            ),
            row(f"median SI-SDR {group}", stems, lambda of: f"{of['si_sdr']:.2f}"),
            row(f"mean SDR {group}", stems, lambda of: f"{of['mean_sdr']:.2f}"),
        ]
    return "\n".join(lines)


def row(name: str, stems: Mapping[str, Any], cell: Callable[[Any], str]) -> str:
    """A line of the table; a stem that is not known stays empty."""
    cells = [cell(stems[stem]) if stem in stems else "" for stem in COLUMNS]
    return f"| {name} | " + " | ".join(cells) + " |"


def pictured(songs: dict[str, Scores]) -> dict[str, dict[str, tuple[float, float]]]:
    """Stem -> song -> (SDR of the mixture, SDR of the estimate)."""
    return {
        stem: {n: (s[stem].mixture_sdr, s[stem].sdr) for n, s in songs.items() if stem in s}
        for stem in COLUMNS
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("songs", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--plot", type=Path, help="draw all songs here (.svg, .png)")
    args = parser.parse_args()
    folders = song_folders(args.songs)
    if not folders:
        parser.error(f"{args.songs}: no songs; a song is a folder with vocals.ogg, drums.ogg, ...")
    songs: dict[str, Scores] = {}
    for number, folder in enumerate(folders, 1):
        print(f"\r{number} of {len(folders)} songs", end="", file=sys.stderr, flush=True)
        try:
            songs[folder.name] = score_song(folder, partial(separate, model=args.model))
        except RtstemError as error:
            parser.error(str(error))
    print(file=sys.stderr)
    summary = summarise(songs)
    print(table(songs, summary))
    if args.json:
        told = {
            name: {s: asdict(score) for s, score in found.items()} for name, found in songs.items()
        }
        args.json.write_text(json.dumps({"summary": summary, "songs": told}, indent=1))
    if args.plot:
        draw(args.model.stem, args.plot, pictured(songs))


if __name__ == "__main__":
    main()
