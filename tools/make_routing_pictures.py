"""Draws the routing pictures of the documentation: ``python tools/make_routing_pictures.py``.

Each picture is columns of boxes and cables between them, written as SVG that is readable on light and
on dark pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "images"
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 56, 84, 26, 14
STYLE = """
  .box { fill: #f4f6fa; stroke: #7a869a; stroke-width: 1.5; }
  .ours { fill: #dbe9ff; stroke: #2f6fdb; }
  text { font: 13px system-ui, sans-serif; fill: #1c2430; text-anchor: middle; }
  .small { font-size: 11px; fill: #4a5568; }
  .cable { fill: none; stroke: #2f6fdb; stroke-width: 2; marker-end: url(#tip); }
  #tip path { fill: #2f6fdb; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #232a35; stroke: #8794a8; }
    .ours { fill: #1d3a66; stroke: #7fb0ff; }
    text { fill: #e8edf5; }
    .small { fill: #b6c2d3; }
    .cable { stroke: #7fb0ff; }
    #tip path { fill: #7fb0ff; }
  }
"""


@dataclass(frozen=True)
class Box:
    """One device or program: a name, a line below it, and its place (column, row)."""

    name: str
    note: str
    column: int
    row: float

    @property
    def x(self) -> float:
        """Left edge."""
        return MARGIN + self.column * (WIDTH + GAP_X)

    @property
    def y(self) -> float:
        """Upper edge."""
        return MARGIN + self.row * (HEIGHT + GAP_Y)


def draw_box(box: Box) -> str:
    """A box with its two lines; rtstem has a colour of its own."""
    kind = "box ours" if box.name == "rtstem" else "box"
    middle = box.x + WIDTH / 2
    return (
        f'<rect class="{kind}" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text x="{middle}" y="{box.y + 24}">{escape(box.name)}</text>'
        f'<text class="small" x="{middle}" y="{box.y + 42}">{escape(box.note)}</text>'
    )


def draw_cable(start: Box, end: Box, label: str) -> str:
    """A curve from the right edge of a box to the left edge of another, its label above it."""
    x0, y0 = start.x + WIDTH, start.y + HEIGHT / 2
    x1, y1 = end.x - 3, end.y + HEIGHT / 2
    bend = (x1 - x0) / 2
    path = f"M{x0} {y0} C{x0 + bend} {y0} {x1 - bend} {y1} {x1} {y1}"
    slope = (y1 > y0) - (y1 < y0)
    x, y = (x0 + x1) / 2 - 2 + 26 * slope, (y0 + y1) / 2 - 7  # beside a cable that is not level
    words = f'<text class="small" x="{x}" y="{y}">{escape(label)}</text>' if label else ""
    return f'<path class="cable" d="{path}"/>{words}'


def picture(title: str, boxes: Sequence[Box], cables: Sequence[tuple[int, int, str]]) -> str:
    """The whole SVG; cables name boxes by their number."""
    width = max(b.x for b in boxes) + WIDTH + MARGIN
    height = max(b.y for b in boxes) + HEIGHT + MARGIN
    parts = [draw_cable(boxes[a], boxes[b], label) for a, b, label in cables]
    parts += [draw_box(box) for box in boxes]
    marker = (
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><defs>{marker}</defs>"
        + "".join(parts)
        + "</svg>\n"
    )


PICTURES = {
    "route-dj-mixer": picture(
        "Decks into a DJ mixer, its send into rtstem, rtstem back into a return channel",
        [
            Box("Decks", "vinyl, CD, laptop", 0, 0),
            Box("DJ mixer", "send / booth out", 1, 0),
            Box("rtstem", "on the laptop", 2, 0),
            Box("DJ mixer", "return channel", 3, 0),
            Box("MIDI faders", "or the web page", 1, 1),
        ],
        [(0, 1, ""), (1, 2, "line in"), (2, 3, "line out"), (4, 2, "MIDI")],
    ),
    "route-dj-software": picture(
        "DJ software into a virtual device, from there into rtstem and to the sound card",
        [
            Box("Mixxx, VirtualDJ", "master output", 0, 0),
            Box("Virtual device", "null sink, BlackHole", 1, 0),
            Box("rtstem", "live --config dj", 2, 0),
            Box("Sound card 1-2", "the room", 3, 0),
            Box("Sound card 3-4", "headphones", 3, 1),
        ],
        [(0, 1, ""), (1, 2, "input"), (2, 3, "main"), (2, 4, "cue")],
    ),
    "route-stream": picture(
        "A music player into a virtual device, rtstem, a second virtual device, and OBS",
        [
            Box("Music player", "browser, Spotify ...", 0, 0),
            Box("Virtual device 1", "music in", 1, 0),
            Box("rtstem", "live --web", 2, 0),
            Box("Virtual device 2", "music without voice", 3, 0),
            Box("OBS", "audio source", 4, 0),
            Box("OBS dock", "the mixer page", 1, 1),
        ],
        [(0, 1, ""), (1, 2, "input"), (2, 3, "output"), (3, 4, ""), (5, 2, "faders")],
    ),
    "route-performer": picture(
        "A player into rtstem, each stem to a pair of outputs of the interface",
        [
            Box("Player or input", "interface in 1-2", 0, 1.5),
            Box("rtstem", "four buses", 1, 1.5),
            Box("Outputs 1-2", "vocals", 2, 0),
            Box("Outputs 3-4", "drums", 2, 1),
            Box("Outputs 5-6", "bass", 2, 2),
            Box("Outputs 7-8", "other", 2, 3),
            Box("Controller", "MIDI, OSC", 0, 2.5),
        ],
        [(0, 1, ""), (1, 2, ""), (1, 3, ""), (1, 4, ""), (1, 5, ""), (6, 1, "")],
    ),
}


def main() -> None:
    """Write every picture."""
    for name, svg in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(svg)


if __name__ == "__main__":
    main()
