"""`rtstem replay`: the mix of a recording again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import printable

if TYPE_CHECKING:
    from ..replay import ReplayReport


@click.command(
    name="replay",
    epilog="""\b
Examples:
  rtstem replay take                        take/replay-main.wav, the same bits as bus-main.wav
  rtstem replay take/moves.jsonl -o a.wav   the log may be named instead of its folder
  rtstem replay take --bus stream           another bus
  rtstem replay take --model mine.onnx      the same moves with the stems of another model
Needs the recorded dry signal and stems; with --model, the dry signal only.
""",
)
@click.argument("log", metavar="LOG")
@click.option("-o", "--out", metavar="FILE", help="The wav file; default: replay-BUS.wav there.")
@click.option("--model", metavar="M", help="Separate the dry signal anew: model name or path.")
@click.option("--bus", metavar="NAME", help="Which bus; default: the first.")
@click.option(
    "--provider", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Replace the file where it is there already.")
def command(
    log: str,
    out: str | None,
    model: str | None,
    bus: str | None,
    provider: str,
    overwrite: bool,
) -> None:
    """Mix a recording again: the same bits, or with another model."""
    from ..replay import replay
    from .output import progress_bar

    with progress_bar("reading the log") as bar:

        def show(done: int, total: int) -> None:
            bar.update("mixing", done, total, "")

        report = replay(log, out, model, bus, provider, overwrite, show)
    length = f"{report.frames / report.rate:.1f} s"
    click.echo(printable(f"{report.out}: {length} of bus {report.bus}{_how(report)}"))
    for note in report.notes:
        click.echo(printable(f"note: {note}"), err=True)


def _how(report: ReplayReport) -> str:
    """How the mix compares with what was heard."""
    import math

    if report.compared is None:
        return f", stems of model {report.model}"
    if report.differs_from is None:
        return f", identical to {report.compared.name}"
    level = 20 * math.log10(max(report.difference, 1e-9))
    return (
        f", differs from {report.compared.name} by up to {level:.0f} dBFS,"
        f" first at {report.differs_from / report.rate:.3f} s"
    )
