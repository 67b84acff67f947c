"""The demo's report.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .demo_report import SILENT_DB

if TYPE_CHECKING:
    from .demo_report import DemoReport, SectionReport

LEAD = "vocals"


def render(report: DemoReport) -> str:
    """The whole report as Markdown text."""
    parts = [
        "# rtstem demo",
        "",
        f"`{report.song}`, {report.seconds:g} s at {report.rate} Hz, through the real-time engine:"
        f" model **{report.model}** on {report.provider}.",
        "",
        f"- Machine: {report.machine}",
        f"- Output: {report.device}",
        f"- Real time: {report.realtime}",
        "",
        "![stems](stems.png)",
        "",
        *_latency(report),
        *_load(report),
        *_mix(report),
    ]
    return "\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Markdown table, all columns but the first aligned to the right."""
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *rows)] + [""]


def _latency(report: DemoReport) -> list[str]:
    rows = [
        (name, str(frames), f"{report.ms(frames):.2f}") for name, frames in report.latency.items()
    ]
    declared = report.declared_frames
    rows.append(("**input to output**", f"**{declared}**", f"**{report.ms(declared):.2f}**"))
    if report.measured_frames is None:
        verdict = "Measured: not here (needs the virtual device and a song that is not silent)."
    else:
        agrees = "as declared" if report.measured_frames == declared else "NOT as declared"
        verdict = (
            f"Measured on the recording: {report.measured_frames} frames"
            f" ({report.ms(report.measured_frames):.2f} ms), {agrees}."
        )
    return ["## Latency", "", *table(("part", "frames", "ms"), rows), verdict, ""]


def _load(report: DemoReport) -> list[str]:
    times = [
        (name, *(f"{value:.0f}" for value in (t.p50, t.p99, t.p999, t.max)), str(t.count))
        for name, t in report.timings.items()
    ]
    counters = [(name, str(count)) for name, count in report.counters.items()]
    return [
        "## Load",
        "",
        f"A hop's work takes {report.load:.0%} of its {report.hop_ms:.2f} ms (median).",
        "",
        *table(("microseconds", "p50", "p99", "p99.9", "max", "count"), times),
        *table(("what went wrong", "times"), counters),
    ]


def _mix(report: DemoReport) -> list[str]:
    stems = list(report.sections[0].stems_db) if report.sections else []
    rows = [_section(section, stems, report) for section in report.sections]
    verdict = {
        True: "All faders up: the output is the delayed input, bit for bit.",
        False: "All faders up: the output is NOT the delayed input.",
        None: "The song is too short for a section with all faders up.",
    }[report.exact]
    if not report.recorded:
        verdict = (
            "What a sound card plays cannot be recorded: mix.wav and the stems were made offline,"
            " with the same model and the same fader moves."
        )
    return [
        "## The faders",
        "",
        f"- {verdict}",
        *[_pulled_down(section) for section in report.sections if section.gains.get(LEAD) == 0.0],
        "",
        *table(("section", "seconds", "input", "mix", *stems, "error", "dry ms"), rows),
        "Levels in dBFS rms; a stem in brackets was pulled down and is not in the mix. The error is"
        " the peak, in dBFS, of the mix minus what the faders and the stems call for."
        " Dry: how long the input stood in for stems that came late.",
    ]


def _pulled_down(section: SectionReport) -> str:
    """How much the fader took out of a section, and what it left."""
    silent = section.error_db <= SILENT_DB
    left = "nothing" if silent else f"{level(section.error_db)} dBFS (peak)"
    return (
        f"- {section.name}: the separated {LEAD}, at {level(section.stems_db[LEAD])} dBFS, are"
        f" taken out; the rounding leaves {left}."
    )


def _section(section: SectionReport, stems: Sequence[str], report: DemoReport) -> tuple[str, ...]:
    levels = [
        level(section.stems_db[stem])
        if section.gains[stem]
        else f"({level(section.stems_db[stem])})"
        for stem in stems
    ]
    error = "0" if section.error_db <= SILENT_DB else level(section.error_db)
    return (
        section.name,
        f"{section.start:.1f} - {section.end:.1f}",
        level(section.input_db),
        level(section.mix_db),
        *levels,
        "0 (bit for bit)" if section.exact else error,
        f"{report.ms(section.fallback_frames):.0f}",
    )


def level(value: float) -> str:
    """A level for people."""
    return "silent" if value <= SILENT_DB else f"{value:.1f}"
