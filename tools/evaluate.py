"""Measures a model on songs with true stems: ``python -m tools.evaluate MODEL.onnx DEV``.

Separation runs through ``rtstem.separate``: the path of the product, hop by hop, no future.
Measures: ``tools/evaluation/scores.py``; with ``--robustness`` also those of ``robustness.py``.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rtstem import separate
from rtstem.errors import RtstemError
from tools.evaluation import robustness
from tools.evaluation.picture import draw
from tools.evaluation.scores import COLUMNS, Scores, score_songs, song_folders, summarise
from tools.evaluation.tables import table


def pictured(songs: dict[str, Scores]) -> dict[str, dict[str, tuple[float, float]]]:
    """Stem -> song -> (SDR of the mixture, SDR of the estimate)."""
    return {
        stem: {n: (s[stem].mixture_sdr, s[stem].sdr) for n, s in songs.items() if stem in s}
        for stem in COLUMNS
    }


def robust_figures(folders: list[Path], model: Path, minutes: float) -> dict[str, float]:
    """What medians hide (``tools/evaluation/robustness.py``), printed as it is found."""
    figures: dict[str, float] = {}
    print("\n| what medians hide | value |\n| --- | ---: |")
    for found in robustness.figures(folders, model, minutes):
        figures |= found
        for name, value in found.items():
            print(f"| {robustness.MEANING[name]} | {value:.3g} |", flush=True)
    return figures


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("songs", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--plot", type=Path, help="draw all songs here (.svg, .png)")
    parser.add_argument(
        "--robustness", action="store_true",
        help="also leakage into silent stems and drift over a long stream (some minutes more)",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="length of the long stream (default: 20)"
    )
    return parser


def main() -> None:
    """Command line."""
    parser = arguments()
    args = parser.parse_args()
    if args.minutes < robustness.SHORTEST_MINUTES:
        parser.error(f"--minutes {args.minutes:g}: at least {robustness.SHORTEST_MINUTES:g}")
    told: dict[str, Any] = {}
    try:
        songs = score_songs(args.songs, partial(separate, model=args.model))
        told["summary"] = summarise(songs)
        told["songs"] = {
            name: {s: asdict(score) for s, score in found.items()} for name, found in songs.items()
        }
        print(table(songs, told["summary"]))
        if args.robustness:
            told["robustness"] = robust_figures(song_folders(args.songs), args.model, args.minutes)
    except RtstemError as error:
        parser.error(str(error))
    if args.json:
        args.json.write_text(json.dumps(told, indent=1))
    if args.plot:
        draw(args.model.stem, args.plot, pictured(songs))


if __name__ == "__main__":
    main()
