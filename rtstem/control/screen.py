"""The picture of a running engine for a terminal: pure functions from facts to styled lines.

Lines go to rich as ready segments: laying out tables and
wrapping text twelve times a second would cost several per cent of a core.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .bars import UNICODE, Glyphs, Line, decibels, fader, fader_level, level, meter

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from .desk import DeskState
    from .telemetry import Snapshot

MIN_WIDTH = 60


@dataclass(frozen=True)
class View:
    """Everything one picture shows. `facts` are the words of the first lines, left and right."""

    facts: Sequence[tuple[str, str]]
    period_ms: float
    snapshot: Snapshot
    desk: DeskState
    selected: int = 0
    message: str = ""
    help: Sequence[tuple[str, str]] = ()
    """Rows of the key list; empty where it is not asked for."""
    fader_keys: Sequence[str] = field(default=())
    glyphs: Glyphs = UNICODE


class Picture:
    """A `View` as something rich can print."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        height = options.height or console.height
        for line in draw(self._view, options.max_width, height):
            for text, style in line:
                yield Segment(text, console.get_style(style) if style else None)
            yield Segment.line()


def draw(view: View, width: int, height: int = 24) -> list[Line]:
    """All lines of the picture, none wider than `width`; the least important go where it is low."""
    width = max(MIN_WIDTH, width) - 1
    top = [_between(f" {left}", right, width, "bold") for left, right in view.facts]
    rule: Line = [(view.glyphs.groove * width, "dim")]
    inputs = _meter_pair(view, "in", view.snapshot.input_peak, width)
    stems = [_stem_line(view, n, stem, width) for n, stem in enumerate(view.desk.stems)]
    buses = [
        line
        for name, pair in view.snapshot.bus_peaks.items()
        for line in _meter_pair(view, name, pair, width)
    ]
    state = [_load_line(view), *_time_lines(view), _counter_line(view.snapshot)]
    message: Line = [(f" {view.message}", "bold cyan")]
    blocks: list[list[Line]] = [
        top, [rule], inputs, [[]], stems, [[]], buses, [rule], state, [message],
        _short_help(view, width),
    ]  # fmt: skip
    if view.help:  # in a terminal of 24 lines it needs the room of all but the faders
        blocks = [top, [rule], stems, [rule], [message], _help_lines(view.help, width)]
    lines = [line for block in blocks for line in block]
    if len(lines) > height:  # blank lines and rules are the first to go
        lines = [line for line in lines if line and line is not rule]
    return lines[:height]


def _between(left: str, right: str, width: int, style: str) -> Line:
    """`left` and `right` at the two ends of a line; the left gives way."""
    room = max(0, width - len(right) - 1)
    return [(left[:room].ljust(room), style), (right, "")]


def _meter_pair(view: View, name: str, pair: tuple[float, float], width: int) -> list[Line]:
    size = width - 25
    return [
        [
            (f"  {name if side == 'L' else '':<11.11} {side} ", ""),
            *meter(peak, size, view.glyphs),
            (level(peak) + " dB", "bold red" if peak > 1.0 else ""),
        ]
        for side, peak in zip("LR", pair, strict=True)
    ]


def _stem_line(view: View, index: int, stem: str, width: int) -> Line:
    """Key, name, fader with its gain, marks, meter with level, fader keys."""
    desk, glyphs = view.desk, view.glyphs
    chosen = index == view.selected
    heard = desk.gains[stem] > 0.0
    fader_size = min(26, (width - 44) // 3)
    meter_size = width - 54 - fader_size
    keys = view.fader_keys[index] if index < len(view.fader_keys) else ""
    return [
        (glyphs.mark if chosen else " ", "bold cyan"),
        (f"{index + 1} {stem:<10.10} ", "bold" if heard else "dim"),
        *fader(desk.faders[stem], fader_size, heard, glyphs),
        (f"{fader_level(desk.faders[stem])} ", "" if heard else "dim"),
        (" MUTE ", "bold white on red") if stem in desk.muted else ("      ", ""),
        (" SOLO ", "bold black on yellow") if stem in desk.soloed else ("      ", ""),
        (" ", ""),
        *meter(view.snapshot.stem_peaks[stem], meter_size, glyphs),
        (level(view.snapshot.stem_peaks[stem]), ""),
        (f"  {keys}", "dim"),
    ]


def _load_line(view: View) -> Line:
    load = view.snapshot.load
    style = "green" if load < 0.5 else "yellow" if load < 0.8 else "bold red"
    marks: Line = [("   BYPASS", "bold black on yellow")] if view.desk.bypass else []
    if view.desk.master < 1.0:
        marks.append((f"   master {fader_level(view.desk.master).strip()}", "yellow"))
    if view.desk.preset:
        marks.append((f"   preset {view.desk.preset}", "cyan"))
    clock = f"{int(view.snapshot.seconds) // 60}:{int(view.snapshot.seconds) % 60:02d}"
    drift = f"   {drift_line(view.snapshot)}" if view.snapshot.clocks else ""
    return [(" load ", ""), (f"{load:4.0%}", style), (f"   time {clock}{drift}", ""), *marks]


def drift_line(snapshot: Snapshot) -> str:
    """How the input's clock differs from the output's, and what lies in the ring between them."""
    clocks = snapshot.clocks
    return f"clock {clocks.ppm:+.0f} ppm, ring {clocks.ring_ms:.1f} ms" if clocks else ""


def _time_lines(view: View) -> list[Line]:
    """Times of a hop, which has its period to be done in, and of the audio callback."""
    hop, call, unit = view.snapshot.hop_us, view.snapshot.callback_us, view.glyphs.micro
    rows = (
        ("hop", [f"{us / 1000:6.2f}" for us in (hop.p50, hop.p99, hop.max)], "ms"),
        ("callback", [f"{us:6.0f}" for us in (call.p50, call.p99, call.max)], unit),
    )
    return [
        [
            (
                f" {name:<9}p50{times[0]}  p99{times[1]}  max{times[2]} {what}"
                + (f"  of {view.period_ms:.1f} ms" if name == "hop" else ""),
                "",
            )
        ]
        for name, times, what in rows
    ]


def counters(snapshot: Snapshot) -> list[tuple[str, int]]:
    """What should stay 0, the rare ones only where they did not."""
    always = [
        ("xruns", snapshot.xruns),
        ("missed blocks", snapshot.missed_blocks),
        ("late hops", snapshot.late_hops),
        ("deadline misses", snapshot.deadline_misses),
    ]
    rare = [
        ("concealed blocks", snapshot.concealed_blocks),
        ("held hops", snapshot.held_hops),
        ("non-finite samples", snapshot.nonfinite),
        ("model faults", snapshot.model_faults),
        ("input gaps", snapshot.input_underflows),
        ("output lost", snapshot.sink_overflows),
        ("resyncs", snapshot.clocks.resyncs if snapshot.clocks else 0),
    ]
    return always + [(name, count) for name, count in rare if count]


def _counter_line(snapshot: Snapshot) -> Line:
    line: Line = []
    for name, count in counters(snapshot):
        line += [(f" {name} ", ""), (f"{count}", "bold red" if count else "green"), (" ", "")]
    return line


def _short_help(view: View, width: int) -> list[Line]:
    """The keys that one needs at once, on as many lines as it takes."""
    hints = (
        f"1-{len(view.desk.stems)} mute",
        "Shift solo",
        "v vocals",
        "i instrumental",
        "k a cappella",
        "b bypass",
        "0 all up",
        "? keys",
        "Esc quit",
    )
    lines = [""]
    for hint in hints:
        if len(lines[-1]) + len(hint) + 3 > width:
            lines.append("")
        lines[-1] += f"  {hint}" if lines[-1] else f" {hint}"
    return [[(line, "dim")] for line in lines]


def _help_lines(rows: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """The key list in as many columns as fit."""
    size = 38
    columns = max(1, width // size)
    height = math.ceil(len(rows) / columns)
    lines: list[Line] = []
    for n in range(height):
        line: Line = [(" ", "")]
        for keys, meaning in rows[n::height]:
            line += [(f"{keys:<13}", "bold cyan"), (f"{meaning:<{size - 13}.{size - 14}}", "")]
        lines.append(line)
    return lines


def status_line(snapshot: Snapshot, desk: DeskState) -> str:
    """One line for a log: time, load, times, counters, levels, what is not at unity."""
    minutes, seconds = divmod(int(snapshot.seconds), 60)
    bus = next(iter(snapshot.bus_peaks.values()), (0.0, 0.0))
    parts = [
        f"{minutes}:{seconds:02d}",
        f"load {snapshot.load:.0%}",
        f"hop p99 {snapshot.hop_us.p99 / 1000:.2f} ms",
        *([drift_line(snapshot)] if snapshot.clocks else []),
        *(f"{name} {count}" for name, count in counters(snapshot)),
        f"in {decibels(max(snapshot.input_peak)):.0f} dB",
        f"out {decibels(max(bus)):.0f} dB",
    ]
    moved = [f"{stem} {gain:.2f}" for stem, gain in desk.gains.items() if gain != 1.0]
    return "  ".join(parts + (["gains " + ", ".join(moved)] if moved else []))
