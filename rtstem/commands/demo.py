"""`rtstem demo`: a song through the whole engine, with a report of how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..demo_report import DemoReport


@click.command(
    name="demo",
    epilog="""\b
Examples:
  rtstem demo                          the bundled song, no sound card needed
  rtstem demo --device default         hear it as well
  rtstem demo --song my.mp3 -o out     your own music
Writes the mix, every stem, a picture (stems.png) and a report (report.md, report.json).
""",
)
@click.option(
    "-o", "--out", "out_dir", default="demo-out", show_default=True, metavar="DIR", help="Where to."
)
@click.option("--device", metavar="NAME", help="Play on this sound device (name, index, default).")
@click.option("--song", metavar="FILE", help="An audio file in place of the bundled song.")
@click.option("--model", default="live", show_default=True, metavar="M", help="Model name or path.")
def command(out_dir: str, device: str | None, song: str | None, model: str) -> None:
    """Play a song through the engine, moving the faders; write what came out."""
    from ..native_stderr import native_stderr
    from .output import progress_bar, starting

    with progress_bar(starting()) as bar, native_stderr():

        def told(played: float, total: float) -> None:
            label = "playing in real time" if played < total else "drawing the report"
            bar.update(label, played, total, f"{played:.0f} of {total:.0f} s")

        from ..demo import run_demo

        report = run_demo(out_dir, device, model, song, told)
    _print(report, Path(out_dir))


def _print(report: DemoReport, folder: Path) -> None:
    """Say in a few lines what the report says in full."""
    measured = {None: "not measured here", report.declared_frames: "measured: the same"}.get(
        report.measured_frames, f"but measured {report.measured_frames} frames"
    )
    exact = {None: "not tried", True: "yes, bit for bit", False: "NO"}[report.exact]
    counts = [f"{name} {count}" for name, count in report.counters.items() if count]
    click.echo(
        f"{report.song}: {report.seconds:.0f} s through {report.model} on {report.provider}\n"
        f"  latency   {report.ms(report.declared_frames):.1f} ms "
        f"({report.declared_frames} frames), {measured}\n"
        f"  load      {report.load:.0%} of a {report.hop_ms:.1f} ms hop, {report.realtime}\n"
        f"  misses    {', '.join(counts) or 'none'}\n"
        f"  all faders up equals the input: {exact}\n"
        f"Written to {folder}: mix.wav, the stems, stems.png, report.md, report.json"
    )
