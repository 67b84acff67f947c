"""The evaluation as a picture: for every song how far a stem was lifted out of the mixture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

COLOURS = {
    "vocals": "#d6336c",
    "accompaniment": "#5c677d",
    "drums": "#e8890c",
    "bass": "#2b8a3e",
    "other": "#1c7ed6",
}
LOWEST = -15.0  # dB: below it only an arrow says how a song began


def draw(model: str, out: Path, stems: Mapping[str, Mapping[str, tuple[float, float]]]) -> None:
    """``stems``: stem -> song -> (SDR of the mixture, SDR of the estimate), in dB."""
    from matplotlib.figure import Figure

    songs = list(dict.fromkeys(name for found in stems.values() for name in found))
    figure = Figure(figsize=(12, 1.5 + 0.25 * len(songs)), layout="constrained")
    panels = figure.subplots(1, len(stems), sharey=True, squeeze=False)[0]
    for panel, (stem, found) in zip(panels, stems.items(), strict=True):
        colour = COLOURS[stem]
        for name, (mixture, estimate) in found.items():
            place, start = songs.index(name), max(mixture, LOWEST)
            panel.plot([start, estimate], [place, place], color=colour, alpha=0.35, lw=3)
            panel.plot(start, place, "<" if mixture < LOWEST else "|", color=colour, alpha=0.6)
            panel.plot(estimate, place, "o", color=colour)
        title = stem
        if found:
            middle = median(estimate for _, estimate in found.values())
            panel.axvline(middle, color=colour, ls="--", lw=1)
            title += f"\nmedian {middle:.1f} dB"
        panel.set_title(title)
        panel.grid(axis="x", alpha=0.3)
        panel.set_xlabel("SDR (dB)")
    panels[0].set_yticks(range(len(songs)), songs)
    panels[0].invert_yaxis()
    figure.suptitle(f"{model}: bar from the mixture to the separated stem (dot), every song")
    figure.savefig(out)
