"""A soak for people who would rather look than read: times over the minutes, troubles marked."""

from __future__ import annotations

import html
import io
from typing import Any

import numpy as np

from .soak_measured import Measured
from .soak_report import COLUMNS, SoakReport

FORMATS = ("html", "svg", "png", "pdf")
BACKGROUND, PANEL, TEXT, FAINT = "#11141a", "#090b0f", "#e8eaf0", "#8a92a3"
_CALM, _QUICK, _SLOW, _TROUBLE, _WARM = "#5aa9ff", "#4fd18b", "#ffb13d", "#ff6b8b", "#c58bff"

_STYLE = f"""body {{ background: {BACKGROUND}; color: {TEXT}; font: 15px system-ui, sans-serif;
  max-width: 1000px; margin: 2em auto; padding: 0 1em }}
svg {{ width: 100%; height: auto }}
table {{ border-collapse: collapse; width: 100% }}
td {{ border-top: 1px solid #2a2f3a; padding: .3em .6em .3em 0; vertical-align: top }}
.ok {{ color: {_QUICK} }} .FAIL {{ color: {_TROUBLE}; font-weight: bold }} .faint {{ color: {FAINT} }}"""


def render(report: SoakReport, form: str) -> bytes:
    """The report as a file of one of FORMATS; html holds the table as well."""
    return _page(report).encode() if form == "html" else draw(report, form)


def draw(report: SoakReport, form: str) -> bytes:
    """The picture: hop times, callback times, memory, and where something went wrong."""
    from matplotlib.figure import Figure

    seen = report.measured
    figure = Figure(figsize=(11.0, 8.0), facecolor=BACKGROUND, layout="constrained")
    hops, callbacks, memory = figure.subplots(3, 1, sharex=True)
    _hops(hops, seen)
    _callbacks(callbacks, seen)
    _memory(memory, seen)
    for axes in (hops, callbacks, memory):
        _dress(axes, seen)
    memory.set_xlabel("minutes", color=FAINT)
    figure.suptitle(f"rtstem soak: {report.verdict}", color=TEXT, fontsize=11, wrap=True)
    picture = io.BytesIO()
    figure.savefig(picture, format=form, dpi=110, facecolor=BACKGROUND)
    return picture.getvalue()


def _column(seen: Measured, name: str) -> Any:
    return np.array([getattr(sample, name) for sample in seen.samples], float)


def _minutes(seen: Measured) -> Any:
    return _column(seen, "seconds") / 60


def _hops(axes: Any, seen: Measured) -> None:
    times = (("hop_max", "slowest", _SLOW), ("hop_p99", "p99", _CALM), ("hop_p50", "p50", _QUICK))
    for name, label, colour in times:
        axes.plot(
            _minutes(seen), _column(seen, name) / 1000, color=colour, label=label, linewidth=1
        )
    _limit(axes, seen.deadline_us / 1000, "too late")
    axes.set_ylabel("hop, ms", color=TEXT)


def _callbacks(axes: Any, seen: Measured) -> None:
    values = np.maximum(_column(seen, "callback_max"), 1.0)
    axes.semilogy(_minutes(seen), values, color=_SLOW, label="slowest", linewidth=1)
    _limit(axes, seen.block_us, "too late")
    axes.set_ylabel("callback, us", color=TEXT)


def _memory(axes: Any, seen: Measured) -> None:
    axes.plot(_minutes(seen), _column(seen, "rss_mb"), color=_CALM, label="memory", linewidth=1)
    axes.set_ylabel("memory, MB", color=TEXT)
    if any(sample.celsius is not None for sample in seen.samples):
        heat = axes.twinx()
        heat.plot(_minutes(seen), _column(seen, "celsius"), color=_WARM, linewidth=1)
        heat.set_ylabel("degrees Celsius", color=_WARM)
        heat.tick_params(colors=FAINT)


def _limit(axes: Any, value: float, label: str) -> None:
    axes.axhline(value, color=_TROUBLE, linewidth=1, linestyle=(0, (4, 4)), label=label)
    axes.set_ylim(bottom=None if axes.get_yscale() == "log" else 0.0)


def _dress(axes: Any, seen: Measured) -> None:
    """Colours, and a line at each stretch with trouble."""
    axes.set_facecolor(PANEL)
    axes.tick_params(colors=FAINT)
    for sample in seen.samples:
        if sample.troubles:
            axes.axvline(sample.seconds / 60, color=_TROUBLE, alpha=0.6, linewidth=1.5)
    axes.legend(loc="upper right", facecolor=PANEL, edgecolor=PANEL, labelcolor=TEXT, fontsize=8)


def _page(report: SoakReport) -> str:
    seen, text = report.measured, html.escape
    svg = draw(report, "svg").decode()
    rows = "".join(
        f"<tr><td>{text(name)}</td><td>{text(value)}</td><td class=faint>{text(limit)}</td>"
        f"<td class={mark or 'faint'}>{mark}</td></tr>\n"
        for name, value, limit, mark in (item.cells() for item in report.items)
    )
    head = "".join(f"<td class=faint>{name}</td>" for name in COLUMNS)
    mark = "ok" if report.passed else "FAIL"
    return (
        "<!doctype html><meta charset=utf-8><title>rtstem soak</title>"
        f"<style>{_STYLE}</style>\n<h1 class={mark}>{text(report.verdict)}</h1>\n"
        f"<p>{text(report.advice)}</p>\n{svg[svg.index('<svg') :]}\n"
        f"<table><tr>{head}</tr>\n{rows}</table>\n<p class=faint>{text(seen.machine)}<br>"
        f"{text(seen.model)} on {text(seen.provider)}; {text(seen.load)}</p>\n"
    )
