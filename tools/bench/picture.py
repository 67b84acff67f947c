"""One picture of two results: callback times by period, and rtstem beside its peers, as SVG.

    python tools/bench/callback.py --json > callback.json
    python tools/bench/peers.py --install --json > peers.json
    python tools/bench/picture.py callback.json peers.json docs/images/performance.svg

Both are read as the two scripts print them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

INK, FAINT, OURS, THEIRS = "#1f2430", "#8a92a3", "#e0446a", "#3d7fd6"
SHADES = {"p50": "#9dc3f7", "p99": "#5aa9ff", "p99.9": "#2b62b8", "max": "#16325e"}
WHOLE_PIECE_MS = 240_000.0  # where "all of it" is drawn: a song of four minutes


def draw_callback(axes: Any, result: dict[str, Any]) -> None:
    """Bars of p50 to max a period, with the time that the period allows above them."""
    rows = sorted(result["rows"], key=lambda row: row["period"])
    width = 0.8 / len(SHADES)
    for n, (name, colour) in enumerate(SHADES.items()):
        places = [k - 0.4 + (n + 0.5) * width for k in range(len(rows))]
        values = [row[name] for row in rows]
        axes.bar(places, values, 0.9 * width, color=colour, label=name)
    for k, row in enumerate(rows):
        label = "the period" if k == 0 else None
        axes.hlines(row["us"], k - 0.45, k + 0.45, color=OURS, linewidth=1.6, label=label)
    axes.set_xticks(range(len(rows)), [f"{row['period']} frames" for row in rows])
    axes.set_yscale("log")
    axes.set_ylabel("microseconds")
    axes.set_title("Callback, beside a busy interpreter", fontsize=10, color=INK)
    axes.legend(fontsize=7, ncols=5, frameon=False, loc="lower center", bbox_to_anchor=(0.5, -0.24))


def draw_peers(axes: Any, result: dict[str, Any]) -> None:
    """A point a separator: how much music it must have heard, and its speed on one core."""
    for row in result["rows"]:
        whole = row["must have heard ms"] == "all"
        delay = WHOLE_PIECE_MS if whole else row["must have heard ms"]
        colour = OURS if row["peer"] == "rtstem" else THEIRS
        axes.plot(delay, row["by CPU time"], "o", color=colour, markersize=7)
        name = f"{row['peer']} (whole piece)" if whole else row["peer"]
        late = delay > 1000  # keeps the name inside
        axes.annotate(
            name,
            (delay, row["by CPU time"]),
            (-8 if late else 8, 5),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize=8,
            color=INK,
        )
    axes.axhline(1, color=FAINT, linewidth=1, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("music it must have heard, ms")
    axes.set_ylabel("x real time, one core")
    axes.set_title("Delay and speed", fontsize=10, color=INK)


def draw(callback: dict[str, Any], peers: dict[str, Any], target: Path) -> None:
    """Write the picture; text stays text, so that it is small and can be searched."""
    import matplotlib
    from matplotlib.figure import Figure

    settings = {"svg.fonttype": "none", "svg.hashsalt": "rtstem", "font.size": 8}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2)
        draw_callback(left, callback)
        draw_peers(right, peers)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(colors=INK)
        figure.savefig(target, format="svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("callback", type=Path)
    parser.add_argument("peers", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    results = []
    for path, columns in ((options.callback, {"period", "max"}), (options.peers, {"peer"})):
        try:
            result = json.loads(path.read_text())
            fits = all(columns <= row.keys() for row in result["rows"])
        except (OSError, ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            parser.error(f"{path}: not a result of {path.stem}.py --json; see --help")
        results.append(result)
    draw(*results, options.target)


if __name__ == "__main__":
    main()
