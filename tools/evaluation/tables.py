"""Markdown tables of scores: SDR in dB, in brackets the improvement; a column a stem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tools.evaluation.scores import COLUMNS, Scores, Summary


def row(name: str, stems: Mapping[str, Any], cell: Callable[[Any], str]) -> str:
    """A line of a table; a stem that is not known stays empty."""
    cells = [cell(stems[stem]) if stem in stems else "" for stem in COLUMNS]
    return f"| {name} | " + " | ".join(cells) + " |"


def song_row(name: str, scores: Scores) -> str:
    """The line of a song."""
    return row(name, scores, lambda score: f"{score.sdr:.1f} ({score.improvement:+.1f})")


def median_row(name: str, stems: Mapping[str, Mapping[str, float]]) -> str:
    """The medians of a group."""
    return row(name, stems, lambda of: f"{of['sdr']:.2f} ({of['improvement']:+.2f})")


def table(songs: Mapping[str, Scores], summary: Summary) -> str:
    """Every song, then medians and means of the groups."""
    lines = ["| song | " + " | ".join(COLUMNS) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    lines += [song_row(name, scores) for name, scores in songs.items()]
    for group, stems in summary.items():
        lines += [
            median_row(f"**median {group}**", stems),
            row(f"median SI-SDR {group}", stems, lambda of: f"{of['si_sdr']:.2f}"),
            row(f"mean SDR {group}", stems, lambda of: f"{of['mean_sdr']:.2f}"),
        ]
    return "\n".join(lines)
