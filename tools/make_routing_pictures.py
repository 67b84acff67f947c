"""Writes docs/images/routing-*.svg: who plays into what, as boxes and cables.

    python tools/make_routing_pictures.py [--out docs/images]

What is in them stands in routing_pictures.yaml. Boxes stand on a grid, a cable goes from a side of one
to a side of another. A text that does not fit its place, measured in a wide font, is an error: other
systems have other fonts.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

import yaml
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTIONS = ROOT / "tools" / "routing_pictures.yaml"
WIDTH, HEIGHT = 190, 92  # of a box
GAP_X, GAP_Y = 96, 74  # between boxes: room for the labels of the cables
LOOP = 44  # how far a cable swings out that comes back to the same side
MARGIN, LEGEND = 24, 34
TITLE, TEXT, LABEL = 15, 12.5, 12  # font sizes

STYLE = """
.paper{fill:#ffffff;stroke:#d0d7de}.box{stroke-width:1.5}
.device{fill:#f3f5f8;stroke:#8c95a3}.program{fill:#eaf2fd;stroke:#4f86d0}
.cable{fill:#fdf4e3;stroke:#c28a1c}.rtstem{fill:#fbe9f5;stroke:#b8428f;stroke-width:2.5}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1f2328}
.title{font-weight:600}.small{fill:#4b535d}.code{font-family:ui-monospace,Menlo,Consolas,monospace}
.sound{stroke:#1f2328}.control{stroke:#b8428f;stroke-dasharray:6 5}
.line{fill:none;stroke-width:2}.head{fill:#1f2328;stroke:none}.control-head{fill:#b8428f}
@media (prefers-color-scheme: dark){
.paper{fill:#15181d;stroke:#3a4048}.device{fill:#22272f;stroke:#7d8794}
.program{fill:#1b2838;stroke:#6aa2ec}.cable{fill:#2e2615;stroke:#d9a441}
.rtstem{fill:#33202d;stroke:#e27cc0}text{fill:#e8ebef}.small{fill:#b4bcc6}
.sound{stroke:#d4d9df}.control{stroke:#e27cc0}.head{fill:#d4d9df}.control-head{fill:#e27cc0}}
"""


@dataclass(frozen=True)
class Box:
    """A device, a program, a virtual cable, or rtstem, in a column and a row of the grid.

    A line that begins with `$` is typed as it stands.
    """

    column: float
    row: float
    kind: str
    title: str
    lines: tuple[str, ...] = ()

    def corner(self) -> tuple[float, float]:
        """Upper left, in pixels."""
        return MARGIN + self.column * (WIDTH + GAP_X), MARGIN + self.row * (HEIGHT + GAP_Y)

    def side(self, where: str) -> tuple[float, float]:
        """A point on the edge: `right`, or `top@0.3` for a part of the way along it."""
        name, _, part = where.partition("@")
        along = float(part or 0.5)
        x, y = self.corner()
        if name in ("left", "right"):
            return x + WIDTH * (name == "right"), y + HEIGHT * along
        return x + WIDTH * along, y + HEIGHT * (name == "bottom")


@dataclass(frozen=True)
class Cable:
    """From `box.side` to `box.side`; sound, or control (dashed)."""

    start: str
    end: str
    label: str = ""
    kind: str = "sound"


@dataclass(frozen=True)
class Picture:
    """Boxes by name, and the cables between them."""

    title: str
    boxes: dict[str, Box]
    cables: tuple[Cable, ...]


Point = tuple[float, float]


def load(path: Path) -> dict[str, Picture]:
    """The pictures of a file by name. Raises TypeError or KeyError for what it should not hold."""
    pictures = {}
    for name, told in yaml.safe_load(path.read_text("utf-8")).items():
        boxes = {key: Box(*place, **look) for key, (*place, look) in told["boxes"].items()}
        cables = tuple(Cable(*ends) for ends in told["cables"])
        pictures[name] = Picture(told["title"], boxes, cables)
    return pictures


def draw(picture: Picture) -> str:
    """The picture as SVG, with its own paper and both colour schemes."""
    corners = [box.corner() for box in picture.boxes.values()]
    loops = any(c.start.split(".")[1][0] == c.end.split(".")[1][0] for c in picture.cables)
    width = max(x for x, _ in corners) + WIDTH + MARGIN + (LOOP + 20) * loops
    height = max(y for _, y in corners) + HEIGHT + MARGIN + LEGEND
    parts = [
        f'<rect class="paper" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10"/>'
    ]
    parts += [_cable(picture.boxes, cable) for cable in picture.cables]
    parts += [_box(box) for box in picture.boxes.values()]
    parts.append(_legend(height - MARGIN))
    title = escape(picture.title)
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">'
    body = "\n".join(parts)
    return f"{opening}\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"


def _box(box: Box) -> str:
    x, y = box.corner()
    shape = f'<rect class="box {box.kind}" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
    step, size = 18, TITLE
    baseline = y + HEIGHT / 2 + 5 - step * len(box.lines) / 2
    rows = [_text(x + WIDTH / 2, baseline, box.title, size, "title", WIDTH - 12)]
    for number, line in enumerate(box.lines, start=1):
        style = "code" if line.startswith("$") else "small"
        text = line.removeprefix("$")
        rows.append(_text(x + WIDTH / 2, baseline + step * number, text, TEXT, style, WIDTH - 12))
    return "\n".join([shape, *rows])


def _cable(boxes: dict[str, Box], cable: Cable) -> str:
    (start, out), (end, into) = (name.split(".", 1) for name in (cable.start, cable.end))
    points = _route(boxes[start].side(out), out[0], boxes[end].side(into), into[0])
    way = " ".join(f"{x:g},{y:g}" for x, y in points)
    line = f'<polyline class="line {cable.kind}" points="{way}"/>'
    return "\n".join([line, _head(points, cable.kind), _cable_label(points, cable.label)])


def _route(start: Point, out: str, end: Point, into: str) -> list[Point]:
    """Corners of the way; `out`, `into`: first letters of the sides."""
    (x0, y0), (x1, y1) = start, end
    if out == into:
        beside = max(x0, x1) + LOOP
        return [start, (beside, y0), (beside, y1), end]
    sideways = {out, into} <= {"l", "r"}
    if sideways:
        middle = (x0 + x1) / 2
        bends = [(middle, y0), (middle, y1)] if y0 != y1 else []
    elif {out, into} <= {"t", "b"}:
        middle = (y0 + y1) / 2
        bends = [(x0, middle), (x1, middle)] if x0 != x1 else []
    else:
        bends = [(x1, y0) if out in "lr" else (x0, y1)]
    return [start, *bends, end]


def _head(points: list[Point], kind: str) -> str:
    """An arrow head at the end."""
    (x0, y0), (x, y) = points[-2:]
    dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
    back_x, back_y = x - 10 * dx, y - 10 * dy
    tips = [(x, y), (back_x - 5 * dy, back_y - 5 * dx), (back_x + 5 * dy, back_y + 5 * dx)]
    way = " ".join(f"{a:g},{b:g}" for a, b in tips)
    style = "control-head" if kind == "control" else "head"
    return f'<polygon class="{style}" points="{way}"/>'


def _cable_label(points: list[Point], label: str) -> str:
    """Above the longest piece where it lies, on it with paper behind where it stands."""
    if not label:
        return ""
    pieces = list(pairwise(points))
    (x0, y0), (x1, y1) = max(pieces, key=lambda p: abs(p[1][0] - p[0][0]) + abs(p[1][1] - p[0][1]))
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    if y0 == y1:
        return _text(x, y - 7, label, LABEL, "small", abs(x1 - x0) - 8)
    width = measure(label, LABEL) + 8
    paper = f'<rect class="paper" stroke="none" style="stroke:none" x="{x - width / 2:.1f}" y="{y - 9:g}"'
    paper += f' width="{width:.1f}" height="18"/>'
    return paper + _text(x, y + 4, label, LABEL, "small", 2 * GAP_X)


def _legend(y: float) -> str:
    x, parts = float(MARGIN), []
    for kind, text in (("sound", "sound"), ("control", "control: moves faders")):
        ends = [(x, y), (x + 44, y)]
        parts += [
            f'<polyline class="line {kind}" points="{x:g},{y:g} {x + 44:g},{y:g}"/>',
            _head(ends, kind),
        ]
        parts.append(_text(x + 52, y + 4, text, LABEL, "small", 300, anchor="start"))
        x += 64 + measure(text, LABEL) + 28
    return "\n".join(parts)


def _text(
    x: float, y: float, text: str, size: float, style: str, room: float, anchor: str = "middle"
) -> str:
    width = measure(text, size, bold=style == "title", mono=style == "code")
    if width > room:
        raise ValueError(f"'{text}' is {width:.0f} wide, there is room for {room:.0f}")
    place = f'x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"'
    return f'<text class="{style}" {place}>{escape(text)}</text>'


def measure(text: str, size: float, bold: bool = False, mono: bool = False) -> float:
    """Width in pixels, in DejaVu Sans, which is wider than the fonts of the usual systems."""
    family = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    font = FontProperties(family=family, weight="bold" if bold else "normal")
    return float(TextPath((0, 0), text, size=size, prop=font).get_extents().width)


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, picture in load(DESCRIPTIONS).items():
        (options.out / f"routing-{name}.svg").write_text(draw(picture), encoding="utf-8")


if __name__ == "__main__":
    main()
