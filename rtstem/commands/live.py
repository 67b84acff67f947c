"""`rtstem live`: the engine on sound devices, faders on the keys of the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..config import Config
    from ..control.screen import View
    from ..engine import Engine

SURFACES = ("midi", "web", "osc")


ENGINE_OPTIONS = (
    click.option("--config", metavar="FILE", help="A YAML file, or default, dj, obs, performer."),
    click.option("--input", "input_", metavar="X", help="Device name or index, or file:PATH."),
    click.option("--output", metavar="Y", help="Device name or index, or virtual."),
    click.option("--model", metavar="M", help="Name of a model or path of an .onnx file."),
    click.option("--provider", type=click.Choice(["auto", "cuda", "cpu"]), help="Where it runs."),
    click.option(
        "--safety-hops", metavar="N", help="Waiting time for late hops, in hops, or auto."
    ),
    click.option("--block", type=int, metavar="N", help="Frames a callback; 0: the host's choice."),
    click.option("--rate", metavar="R", help="Sample rate in Hz, or auto."),
)


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `command` the options that say what to open; see `with_options`."""
    for option in reversed(ENGINE_OPTIONS):
        command = option(command)
    return command


@click.command(
    name="live",
    epilog="""\b
Examples:
  rtstem live                                   default device in and out
  rtstem live --input "USB Audio" --output 3    by name or index, see rtstem devices
  rtstem live --input file:set.flac             a file or a folder as the input
  rtstem live --input file:set.flac --output virtual      without any sound card
  rtstem live --midi --record gig               controllers on the faders, everything recorded
  rtstem live --midi-profile generic            any controller that sends CC 1 to 8
  rtstem live --web                             a mixer page at http://127.0.0.1:8765
  rtstem live --config dj                       several buses; copy configs/default.yaml for yours
Keys: see rtstem live --list-keys. Without a terminal a status line is written every 5 s; keys may
be sent through a pipe, and the end of the pipe or SIGTERM ends it.
""",
)
@engine_options
@click.option("--seconds", type=click.FloatRange(min=0), metavar="S", help="Stop after S seconds.")
@click.option("--picture", type=click.Path(), metavar="FILE", help="Save the last screen as SVG.")
@click.option("--midi/--no-midi", default=None, help="Faders on MIDI controllers.")
@click.option("--midi-profile", metavar="NAME", help="MIDI with this profile: rtstem midi list.")
@click.option("--web/--no-web", default=None, help="A mixer page for browsers and OBS docks.")
@click.option("--osc/--no-osc", default=None, help="Faders by Open Sound Control.")
@click.option("--record", type=click.Path(), metavar="DIR", help="Record stems, buses and moves.")
@click.option("--list-keys", is_flag=True, help="Print what each key does, and stop.")
def command(
    config: str | None,
    seconds: float | None,
    picture: str | None,
    list_keys: bool,
    record: str | None,
    **options: Any,
) -> None:
    """Play music through the engine with a fader on every stem."""
    from ..config import load_config, make_config

    base = load_config(config) if config else make_config({}, source="command line")
    settings = with_options(base, options)
    if list_keys:
        print_keys(settings)
        return
    _play(settings, seconds, picture, record)


def with_options(config: Config, options: dict[str, Any]) -> Config:
    """`config` with the values given on the command line, checked like those of a file."""
    from ..config import make_config

    rate = options["rate"]
    audio = {
        "input": options["input_"],
        "output": options["output"],
        "block": options["block"],
        "sample_rate": int(rate) if rate is not None and rate.isdecimal() else rate,
    }
    wanted: dict[str, Any] = {
        "audio": _given(audio),
        "latency": _given({"safety_hops": _number(options["safety_hops"])}),
        **{name: _given({"enabled": options.get(name)}) for name in SURFACES},
    } | _given({"model": options["model"], "provider": options["provider"]})
    if options.get("midi_profile") is not None:
        wanted["midi"] = {"enabled": True, "profile": options["midi_profile"]} | wanted["midi"]
    checked = make_config(wanted, source="command line")
    update: dict[str, Any] = {name: getattr(checked, name) for name in wanted}
    for name in ("audio", "latency", *SURFACES):
        section = getattr(checked, name)
        values = {key: getattr(section, key) for key in wanted[name]}
        update[name] = getattr(config, name).model_copy(update=values)
    return config.model_copy(update=update)


def _number(text: str | None) -> float | str | None:
    """A number where it is one; what the words mean is for the configuration to say."""
    try:
        return text if text is None else float(text)
    except ValueError:
        return text


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def print_keys(config: Config) -> None:
    """Print the key table for the stems of the configured model."""
    from ..control.desk import Desk
    from ..control.keymap import KeyDesk
    from ..model_spec import read_model_spec
    from ..resources import find_model
    from .output import print_table

    stems = read_model_spec(find_model(config.model)).stems
    desk = Desk(stems, config.presets, lambda gains: None)
    print_table(("key", "does"), KeyDesk(desk, tuple(config.presets)).help())


def _play(config: Config, seconds: float | None, picture: str | None, record: str | None) -> None:
    """Start the engine, hand it to screen or log, stop it; raises the error that ended it."""
    from ..control.keys import open_keys
    from ..control.midi_profile_files import find_profile
    from ..control.surfaces import Surfaces
    from ..control.terminal import run_log, run_screen, summary
    from ..native_stderr import native_stderr
    from .output import console, starting

    if config.midi.profile is not None:
        find_profile(config.midi.profile)  # a wrong name is told before anything sounds
    screen = console()
    with native_stderr() as complaints:
        with screen.status(starting()):
            engine = _start(config)
        try:
            with Surfaces(engine, config, record) as surfaces, open_keys() as keys:
                address = f"web mixer: {surfaces.url}" if surfaces.url else ""
                engine.tell(address)
                if screen.is_terminal:
                    view = run_screen(engine, keys, screen, seconds)
                else:
                    view = run_log(engine, keys, _write, seconds)
        finally:
            engine.stop()
    if os.environ.get("RTSTEM_DEBUG"):
        click.echo("\n".join(complaints), err=True)
    _write(summary(view.snapshot))
    if surfaces.report is not None:
        report = surfaces.report
        _write(f"recorded {report.seconds:.1f} s and {report.moves} moves to {report.folder}")
    if engine.notice != address:
        click.echo(f"note: {engine.notice}", err=True)
    if picture:
        save_picture(view, Path(picture))
    if engine.error is not None:
        raise engine.error


def _start(config: Config) -> Engine:
    from ..engine import Engine

    engine = Engine(config)
    engine.start()
    return engine


def _write(line: str) -> None:
    print(line, flush=True)


def save_picture(view: View, path: Path) -> None:
    """Write `view` as an SVG picture of a terminal of 100 columns.

    Fonts that rich would fetch from elsewhere are left out: the picture is complete by itself.
    """
    import io
    import re

    from rich.console import Console

    from ..control.screen import Picture

    console = Console(record=True, width=100, height=24, file=io.StringIO(), force_terminal=True)
    console.print(Picture(view))
    svg = console.export_svg(title="rtstem live")
    path.write_text(re.sub(r"@font-face\s*{.*?}\s*", "", svg, flags=re.DOTALL), encoding="utf-8")
