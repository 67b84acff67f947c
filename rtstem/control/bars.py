"""Bars of a terminal: meters and faders as lines of styled pieces, (text, style)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .desk import fader_gain

Line = list[tuple[str, str]]

FLOOR_DB = -60.0
_ZONES = ((-12.0, "green"), (-3.0, "yellow"), (math.inf, "red"))
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Glyphs:
    """Characters of bars and lines, for terminals with and without Unicode."""

    full: str = "█"
    parts: str = _EIGHTHS
    empty: str = "·"
    groove: str = "─"
    filled: str = "━"
    knob: str = "●"
    mark: str = "▸"
    micro: str = "µs"


ASCII = Glyphs("#", " ", ".", "-", "=", "O", ">", "us")
UNICODE = Glyphs()


def decibels(peak: float) -> float:
    """Level of a linear peak, down to the floor of the meters."""
    return max(FLOOR_DB, 20 * math.log10(peak)) if peak > 0 else FLOOR_DB


def meter(peak: float, width: int, glyphs: Glyphs = UNICODE) -> Line:
    """A bar of `width` cells from -60 to 0 dB, its colour by zones."""
    share = min(1.0, 1 - decibels(peak) / FLOOR_DB)
    whole, rest = divmod(round(8 * share * width), 8)
    line: Line = []
    start = 0
    for limit, colour in _ZONES:
        end = min(whole, _cell(limit, width))
        if end > start:
            line.append((glyphs.full * (end - start), colour))
            start = end
    part = glyphs.parts[rest * len(glyphs.parts) // 8]
    if part.strip():
        line.append((part, _colour(start, width)))
        start += 1
    line.append((glyphs.empty * (width - start), "dim"))
    return line


def _cell(limit: float, width: int) -> int:
    """The first cell above `limit` dB."""
    return width if limit >= 0 else round((1 - limit / FLOOR_DB) * width)


def _colour(cell: int, width: int) -> str:
    return next(colour for limit, colour in _ZONES if cell < _cell(limit, width) or limit > 0)


def level(peak: float) -> str:
    """Six characters: the peak in dB."""
    found = decibels(peak)
    return f"{found:6.1f}" if found > FLOOR_DB else "  -inf"


def fader(position: float, size: int, heard: bool, glyphs: Glyphs = UNICODE) -> Line:
    """A groove of `size` cells with a knob at `position`, 0 to 1; dim where nothing is heard."""
    knob = round(position * (size - 1))
    style = "cyan" if heard else "dim"
    return [
        (glyphs.filled * knob, style),
        (glyphs.knob, "bold " + style),
        (glyphs.groove * (size - 1 - knob), "dim"),
    ]


def fader_level(position: float) -> str:
    """Nine characters: the gain of a fader at `position`."""
    gain = fader_gain(position)
    return f"{20 * math.log10(gain):6.1f} dB" if gain > 0 else "   off   "
