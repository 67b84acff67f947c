"""`rtstem soak`: the engine under load for minutes; a certificate of this machine."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .live import engine_options, with_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config import Config
    from ..soak_load import Load
    from ..soak_report import SoakReport

_LINE_SECONDS = 60.0  # between two lines where there is no terminal for a bar


@click.command(
    name="soak",
    epilog="""\b
Examples:
  rtstem soak                                10 minutes with the bundled music
  rtstem soak --config dj --minutes 60       your configuration and devices for an hour
  rtstem soak --safety-hops 0.25 --report soak.html      does a shorter delay hold here?
  rtstem soak --gentle --output virtual      beside other work, without any sound card
Exit code 0: passed; 1: failed; 2: wrong usage; 130: interrupted without a failure so far.
""",
)
@engine_options
@click.option(
    "--minutes", type=click.FloatRange(0.1, 10_080), default=10.0, show_default=True, metavar="N",
    help="How long; fractions too.",
)  # fmt: skip
@click.option("--gentle", is_flag=True, help="A tenth of the load, no programs beside it.")
@click.option("--programs", type=click.IntRange(0, 64), metavar="N",
    help="Busy programs beside it, each a whole processor. [default: 1, gentle: 0]",
)  # fmt: skip
@click.option("--json", "json_file", type=click.Path(), metavar="FILE", help="All figures as JSON.")
@click.option("--report", type=click.Path(), metavar="FILE",
    help="A page with a picture: .html; or the picture alone: .svg, .png, .pdf.",
)  # fmt: skip
def command(
    config: str | None,
    minutes: float,
    gentle: bool,
    programs: int | None,
    json_file: str | None,
    report: str | None,
    **options: Any,
) -> int:
    """Prove that this machine holds: the engine under load, pass or fail."""
    from ..config import load_config, make_config

    form = _form(report)
    for name in (json_file, report):
        _check_place(name)
    base = load_config(config) if config else make_config({}, source="command line")
    chosen = config is not None or options["input_"] is not None
    settings, note = _with_source(with_options(base, options), chosen)
    if note:
        click.echo(f"note: {note}", err=True)
    result = _soak(settings, 60 * minutes, _load(gentle, programs))
    _print(result)
    _write(result, json_file, report, form)
    if not result.passed:
        return 1
    return 130 if result.measured.interrupted else 0


def _form(report: str | None) -> str:
    """The kind of file asked for by its suffix."""
    from ..soak_picture import FORMATS

    form = Path(report).suffix.lower().removeprefix(".") if report else FORMATS[0]
    if form not in FORMATS:
        raise click.UsageError(f"--report {report}: must end in .{', .'.join(FORMATS)}")
    return form


def _check_place(name: str | None) -> None:
    """Refuse before the soak what could not be written after it."""
    folder = Path(name).expanduser().absolute().parent if name else None
    if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise click.UsageError(f"{name}: the folder {folder} is not there or takes no files")


def _load(gentle: bool, programs: int | None) -> Load:
    from dataclasses import replace

    from ..soak_load import GENTLE, Load

    load = GENTLE if gentle else Load()
    return load if programs is None else replace(load, programs=programs)


def _with_source(config: Config, chosen: bool) -> tuple[Config, str]:
    """`config` with the bundled music where nothing else is `chosen`, virtual without devices; and
    what to say of that."""
    from ..soak import demo_music

    audio, note = config.audio, ""
    if audio.output == "default" and not _has_outputs():
        audio = audio.model_copy(update={"output": "virtual"})
        note = "no sound device here: soaking on the virtual one"
    if audio.input == "default" and (audio.output == "virtual" or not chosen):
        audio = audio.model_copy(update={"input": demo_music()})
    return config.model_copy(update={"audio": audio}), note


def _has_outputs() -> bool:
    from ..errors import DeviceError
    from ..io.devices import list_devices

    try:
        return any(device.outputs for device in list_devices())
    except DeviceError:
        return False


def _soak(config: Config, seconds: float, load: Load) -> SoakReport:
    from ..control.terminal import StopSignals
    from ..native_stderr import native_stderr
    from .output import progress_bar, starting

    quiet = sys.stderr.isatty()
    with progress_bar(starting()) as bar, native_stderr(), StopSignals() as signals:
        from ..soak import run_soak

        line = _lines(lambda text: None if quiet else print(text, flush=True))

        def told(done: float, figures: str) -> None:
            bar.update("soaking", done, seconds, figures)
            line(done, figures)

        return run_soak(config, seconds, load, told, lambda: signals.stopped)


def _lines(write: Callable[[str], None]) -> Callable[[float, str], None]:
    """Writes the figures once a minute."""
    due = time.monotonic() + _LINE_SECONDS

    def line(done: float, figures: str) -> None:
        nonlocal due
        if time.monotonic() >= due:
            write(f"{done / 60:.0f} min: {figures}")
            due = time.monotonic() + _LINE_SECONDS

    return line


def _print(report: SoakReport) -> None:
    from ..soak_report import COLUMNS
    from .output import print_table

    seen = report.measured
    source, target = seen.route
    click.echo(
        f"{seen.machine}\n{seen.model} on {seen.provider}, {source} > {target}, {seen.rate} Hz, "
        f"blocks of {seen.block}\nbeside it: {seen.load}"
    )
    print_table(COLUMNS, [item.cells() for item in report.items])
    for notice in seen.notices:
        click.echo(f"note: {notice}")
    click.echo(f"{report.verdict}\n{report.advice}")


def _write(report: SoakReport, json_file: str | None, page: str | None, form: str) -> None:
    from ..io.part import write_whole

    if json_file:
        text = json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n"
        write_whole(Path(json_file).expanduser(), text.encode())
    if page:
        from ..soak_picture import render

        write_whole(Path(page).expanduser(), render(report, form))
