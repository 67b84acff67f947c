"""Brings the tables of a model's card up to date: ``python -m tools.train.card CARD.md scores.json``.

``scores.json`` is what ``tools.evaluate MODEL DEV --robustness --json`` wrote. Only the tables change,
each known by its first line; the words around them are the author's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tools.evaluation.robustness import MEANING
from tools.evaluation.scores import Score
from tools.evaluation.tables import median_row, song_row

GROUPS = {
    "MusicDelta": "13 MusicDelta (true stems; 10 with vocals)",
    "MIR-1K": "8 MIR-1K (karaoke, mono, 16 kHz)",
    "all": "all 21",
}
RESTS = [name for name in MEANING if name.startswith("resting_")]
ROBUSTNESS = {
    "voices alone: SDR of the vocals (median)": ["a_cappella_vocals_sdr"],
    "music without voices: vocals found in it (median)": ["instrumental_vocals_db"],
    "a stem that rests: its level against the mixture, vocals, drums, bass, other": RESTS,
    "vocals SDR in the first and in the last 30 s of a stream of 20 minutes, the same music": [
        "first_30_s_vocals_sdr",
        "last_30_s_vocals_sdr",
    ],
}


class CardError(Exception):
    """A card without a table, or figures without a part."""


def medians(told: dict[str, Any]) -> list[str]:
    """The lines of the groups."""
    summary = told["summary"]
    return [median_row(label, summary[name]) for name, label in GROUPS.items() if name in summary]


def songs(told: dict[str, Any]) -> list[str]:
    """The lines of the songs."""
    return [
        song_row(name, {stem: Score(**of) for stem, of in found.items()})
        for name, found in told["songs"].items()
    ]


def robustness(told: dict[str, Any]) -> list[str]:
    """The lines of what medians hide."""
    if "robustness" not in told:
        raise CardError("no robustness in these figures: evaluate with --robustness")
    figures = told["robustness"]
    return [
        f"| {label} | {', '.join(f'{figures[n]:.1f}' if n in figures else '-' for n in names)} |"
        for label, names in ROBUSTNESS.items()
    ]


TABLES = {"| songs |": medians, "| song |": songs, "| figure | dB |": robustness}


def renewed(card: str, told: dict[str, Any]) -> str:
    """The card with the tables of these figures. Raises CardError where a table is missing."""
    lines = card.split("\n")
    for start, made in TABLES.items():
        heads = [i for i, line in enumerate(lines) if line.startswith(start)]
        if not heads:
            raise CardError(f'the card has no table that begins with "{start}"')
        first = end = heads[0] + 2
        while end < len(lines) and lines[end].startswith("|"):
            end += 1
        lines[first:end] = made(told)
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("card", type=Path)
    parser.add_argument("scores", type=Path)
    args = parser.parse_args()
    try:
        card = renewed(args.card.read_text(), json.loads(args.scores.read_text()))
    except (OSError, ValueError, CardError) as error:
        parser.error(str(error))
    args.card.write_text(card)


if __name__ == "__main__":
    main()
