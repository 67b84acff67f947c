"""A model at a device rate that it was not trained at: run there natively, or resampled around it?

    python tools/bench/rates.py SONGS [--rate 48000] [--model live] [--songs 0] [--json]

SONGS: a folder with one folder of true stems a song, as tools.evaluate takes. Every song is
brought to RATE with soxr (VHQ) and separated there twice, through `rtstem.separate`: natively, frames
of RATE straight into the model, and at the model's own rate, resampled to it before and back behind.
Both estimates are measured against the true stems at RATE; a third column is the model at home, at its
own rate. The songs carry nothing above half of their own rate: what a real recording at RATE has up
there is not measured.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import Any

import common
import numpy as np
import soxr

import rtstem
from rtstem.model_spec import read_model_spec
from rtstem.resources import find_model
from tools.evaluation.scores import load_stems, sdr, song_folders, with_accompaniment

Stems = dict[str, np.ndarray]
WAYS = ("at home", "native", "resampled")


def convert(stems: Stems, source: int, target: int) -> Stems:
    """Every stem at another rate, aligned with what it was."""
    return {name: soxr.resample(x, source, target, quality="VHQ") for name, x in stems.items()}


def separations(mixture: np.ndarray, rate: int, home: int, model: str) -> dict[str, Stems]:
    """The two ways at `rate`: way -> stem -> [frames, channels]."""
    down = soxr.resample(mixture, rate, home, quality="VHQ")
    there_and_back = convert(rtstem.separate(down, home, model=model), home, rate)
    return {
        "native": rtstem.separate(mixture, rate, model=model),
        "resampled": {name: x[: len(mixture)] for name, x in there_and_back.items()},
    }


def score_song(folder: Path, rate: int, home: int, model: str) -> dict[str, dict[str, float]]:
    """Way -> stem -> SDR in dB; without vocals only the instruments count."""
    truth, source = load_stems(folder)
    if source != home:
        truth = convert(truth, source, home)
    there = convert(truth, home, rate)
    scores: dict[str, dict[str, float]] = {}
    estimates = {"at home": rtstem.separate(_sum(truth), home, model=model)}
    estimates |= separations(_sum(there), rate, home, model)
    for way, stems in estimates.items():
        references = with_accompaniment(truth if way == "at home" else there)
        whole = with_accompaniment(stems)
        scores[way] = {
            name: sdr(x, whole[name])
            for name, x in references.items()
            if name != "accompaniment" or "vocals" in references
        }
    return scores


def _sum(stems: Stems) -> np.ndarray:
    return np.sum(list(stems.values()), axis=0)


def summarise(songs: list[dict[str, dict[str, float]]]) -> list[dict[str, Any]]:
    """A row a stem: median SDR of each way, and of native minus resampled within a song."""
    rows = []
    for stem in ("vocals", "accompaniment", "drums", "bass", "other"):
        members = [song for song in songs if stem in song["native"]]
        if not members:
            continue
        gains = [song["native"][stem] - song["resampled"][stem] for song in members]
        rows.append(
            {"stem": stem, "songs": len(members)}
            | {way: round(median(song[way][stem] for song in members), 2) for way in WAYS}
            | {
                "native - resampled": f"{median(gains):+.2f}",
                "native better": f"{sum(gain > 0 for gain in gains)} of {len(gains)}",
            }
        )
    return rows


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("folder", type=common.songs_folder, metavar="SONGS")
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--model", default="live")
    parser.add_argument("--songs", type=int, default=0, help="take so many only; 0: all")
    options = parser.parse_args()
    spec = read_model_spec(find_model(options.model))
    if options.rate not in spec.rates or options.rate == spec.sample_rate:
        others = [rate for rate in spec.rates if rate != spec.sample_rate]
        parser.error(f"{spec.name} claims no such rate beside its own; choose one of {others}")
    songs = []
    for folder in song_folders(options.folder)[: options.songs or None]:
        print(folder.name, file=sys.stderr, flush=True)
        songs.append(score_song(folder, options.rate, spec.sample_rate, options.model))
    facts = {
        "unit": "SDR in dB, medians",
        "model": f"{spec.name}, trained at {spec.sample_rate} Hz",
    }
    return common.report(summarise(songs), [], options.json, rate=options.rate, **facts)


if __name__ == "__main__":
    sys.exit(main())
