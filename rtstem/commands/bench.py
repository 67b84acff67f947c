"""`rtstem bench`: how long every stage takes on this machine."""

from __future__ import annotations

import click


@click.command(
    name="bench",
    epilog="""\b
Examples:
  rtstem bench
  rtstem bench --model my.onnx --seconds 60
  rtstem bench --json > bench.json
Exit code 1 where the model is too slow for a live stream here. Close other programs first.
""",
)
@click.option("--model", default="live", show_default=True, metavar="M", help="Model name or path.")
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=10.0,
    show_default=True,
    metavar="S",
    help="How long to measure.",
)
@click.option(
    "--provider", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def command(model: str, seconds: float, provider: str, as_json: bool) -> int:
    """Measure each stage of the engine: p50, p99, p99.9, max."""
    from ..bench import COLUMNS, run_bench
    from .output import print_json, print_table, progress_bar

    with progress_bar("measuring") as bar:
        report = run_bench(
            model, seconds, provider, lambda part: bar.update("measuring", part, 1.0, "")
        )
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(f"{report.machine}\n{report.model} on {report.provider}, microseconds")
        if report.reason:
            click.echo(report.reason)
        print_table(COLUMNS, report.rows(), right=COLUMNS[1:])
        click.echo(report.verdict)
    return 0 if report.fits else 1
