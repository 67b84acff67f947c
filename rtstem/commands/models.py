"""`rtstem models`: the models there are, what they say of themselves, and proof that one works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..model_check import ModelReport
    from ..model_spec import ModelSpec


@click.group(
    name="models",
    epilog="""\b
Examples:
  rtstem models list
  rtstem models show live
  rtstem models check my.onnx
""",
)
def command() -> None:
    """List, show and check separation models."""


@command.command(
    name="list",
    epilog="""\b
Examples:
  rtstem models list
  rtstem models list --no-cost --json
"core" is the part of one core that a model takes here while it plays, most of the time and at worst
(p50, p99). Quality is the signal-to-distortion ratio in dB that its makers measured.
""",
)
@click.option("--cost/--no-cost", default=True, help="Measure what each takes of this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of the table.")
def list_(cost: bool, as_json: bool) -> int:
    """List the models that come with rtstem: delay, cost here, quality, licence."""
    from ..errors import EngineError, ModelError
    from ..model_spec import read_model_spec
    from ..resources import find_model, model_names, models_dir
    from .output import print_json, print_table, progress_bar, starting

    found: dict[str, dict[str, Any]] = {}
    names, broken = model_names(), []
    with progress_bar(starting() if cost else "reading ...") as bar:
        for name in names:
            try:
                spec = read_model_spec(find_model(name))
                if cost:
                    bar.update(f"measuring {name}", len(found), len(names), "")
                found[name] = facts(spec) | ({"core_percent": _core_percent(spec)} if cost else {})
            except (ModelError, EngineError) as error:
                broken.append(str(error))
    if as_json:
        print_json([{"model": name, **told} for name, told in found.items()])
    elif found:
        columns = ("model", "delay ms", "core %", "stems, quality in dB", "rates Hz", "license")
        print_table(columns, map(_row, found, found.values()), right=columns[1:3])
    else:
        click.echo(f"No model in {models_dir()}; reinstall rtstem, or give --model a file.")
    for line in broken:
        click.echo(f"error: {line}", err=True)
    return 2 if broken else 0


def _row(name: str, told: dict[str, Any]) -> tuple[object, ...]:
    core = told.get("core_percent")
    return (
        name,
        f"{told['delay_ms']:.1f}",
        f"{core['p50']:.0f}, {core['p99']:.0f}" if core else "",
        ", ".join(_with_quality(stem, told["metrics"]) for stem in told["stems"]),
        ", ".join(map(str, told["rates"])),
        told["license"],
    )


def _with_quality(stem: str, metrics: dict[str, Any]) -> str:
    """The stem and its median SDR over all songs, where the model tells it as ours do."""
    try:
        return f"{stem} {metrics['all'][stem]['sdr']:.1f}"
    except (KeyError, TypeError, ValueError):
        return stem


def _core_percent(spec: ModelSpec) -> dict[str, float]:
    """Time of a hop on the CPU at the pace of a stream, as a part of the time from hop to hop."""
    from ..provider_choice import compare
    from ..rt.separator import Separator

    separator = Separator(spec)
    try:
        times = compare({"": separator})[""]
    finally:
        separator.close()
    hop_us = 1e6 * spec.hop / spec.sample_rate
    return {"p50": round(100 * times.p50 / hop_us, 1), "p99": round(100 * times.p99 / hop_us, 1)}


def facts(spec: ModelSpec) -> dict[str, Any]:
    """What a model file says of itself, and what follows from it, as plain values."""
    milliseconds = 1000 / spec.sample_rate
    return {
        "file": str(spec.path),
        "name": spec.name,
        "stems": list(spec.stems),
        "domain": spec.domain,
        "sample_rate": spec.sample_rate,
        "rates": list(spec.rates),
        "fft_size": spec.fft_size,
        "hop": spec.hop,
        "hop_ms": round(spec.hop * milliseconds, 2),
        "window_ms": round(spec.synthesis_size * milliseconds, 2),
        "lookahead_hops": spec.lookahead_hops,
        "delay_ms": round((spec.delay_frames + spec.hop) * milliseconds, 2),
        "state_values": sum(_size(state.shape) for state in spec.states),
        "license": spec.license,
        "data": spec.data,
        "metrics": spec.metrics,
    }


def _size(shape: tuple[int, ...]) -> int:
    import math

    return math.prod(shape)


@command.command(name="show", epilog="\b\nExample:\n  rtstem models show live\n")
@click.argument("model")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def show(model: str, as_json: bool) -> None:
    """Show everything that MODEL (a name or a file) says of itself."""
    from ..model_spec import read_model_spec
    from ..resources import find_model
    from .output import print_json, print_table

    found = facts(read_model_spec(find_model(model)))
    if as_json:
        print_json(found)
        return
    rows = []
    for key, value in found.items():
        if isinstance(value, dict):
            rows += [(f"{key}.{name}", figure) for name, figure in value.items()]
        elif isinstance(value, list):
            rows.append((key, ", ".join(map(str, value))))
        else:
            rows.append((key, value))
    print_table(("fact", "value"), rows)


@command.command(
    name="check",
    epilog="""\b
Examples:
  rtstem models check live
  rtstem models check my.onnx --seconds 600
  rtstem models check my.onnx --json > proof.json
Exit code 2 where a demand is not met. The speed is that of this machine, now: close other programs.
""",
)
@click.argument("model")
@click.option(
    "--provider", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True
)
@click.option(
    "--seconds",
    type=click.FloatRange(10, 86_400),
    default=130.0,
    show_default=True,
    metavar="S",
    help="Signal for the long run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def check(model: str, provider: str, seconds: float, as_json: bool) -> int:
    """Prove that MODEL is causal, stable, exact, and fast enough here."""
    from ..model_check import check_model
    from ..model_trial import try_model
    from ..resources import find_model
    from .output import print_json, progress_bar

    path = find_model(model) if not Path(model).suffix else Path(model)
    with progress_bar("loading the model") as bar:
        try_model(path, provider)
        report = check_model(
            path, provider, seconds, lambda name, part: bar.update(name, part, 1.0, "")
        )
    if as_json:
        print_json(report.to_dict())
    else:
        _print_report(report)
    return 0 if report.passed else 2


def _print_report(report: ModelReport) -> None:
    from rich.text import Text

    from .output import print_table

    marks = {True: Text("pass", style="green"), False: Text("FAIL", style="bold red")}
    click.echo(f"{report.path} on {report.provider}")
    print_table(
        ("", "demand", "found", "must be"),
        ((marks[v.passed], v.name, v.figure, v.demand) for v in report.verdicts),
    )
    failed = [verdict.name for verdict in report.verdicts if not verdict.passed]
    if failed:
        click.echo(f"{report.name} does not meet the demands: {', '.join(failed)}")
    else:
        click.echo(f"{report.name} meets all demands.")
