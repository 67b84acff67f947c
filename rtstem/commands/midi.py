"""`rtstem midi`: which controllers there are, what they send, and teaching them what to move."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..native_stderr import native_stderr

if TYPE_CHECKING:
    from ..control.actions import ActionTable
    from ..control.midi_profile import Profile

_API = click.option(
    "--api",
    type=click.Choice(["auto", "alsa", "jack", "coreaudio", "winmm"]),
    default="auto",
    show_default=True,
    help="MIDI system to use.",
)
_CONFIG = click.option(
    "--config",
    metavar="FILE",
    help="Configuration whose model, presets and buses make the actions.",
)
_PORT = click.option(
    "--port", "ports", multiple=True, metavar="NAME", help="Part of a port's name; default: all."
)


@click.group(
    name="midi",
    epilog="""\b
Examples:
  rtstem midi list                    controllers that are plugged in, and profiles
  rtstem midi monitor                 what they send and what it would do
  rtstem midi learn                   teach a controller, action by action
""",
)
def command() -> None:
    """Controllers: list them, watch them, teach them."""


@command.command(name="list", epilog="\b\nExample:\n  rtstem midi list --actions\n")
@_API
@_CONFIG
@click.option("--actions", is_flag=True, help="List the actions that a control can move instead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def list_(api: str, config: str | None, actions: bool, as_json: bool) -> None:
    """List the MIDI ports and the profiles."""
    if actions:
        _print_actions(_actions(config), as_json)
    else:
        _print_ports(api, as_json)


def _print_actions(table: ActionTable, as_json: bool) -> None:
    from .output import print_json, print_table

    rows = [(name, table[name].kind, table[name].label) for name in table.names]
    if as_json:
        print_json([dict(zip(("action", "kind", "label"), row, strict=True)) for row in rows])
    else:
        print_table(("action", "kind", "what it is"), rows)


def _print_ports(api: str, as_json: bool) -> None:
    from ..control.midi_profile import read_profile
    from ..control.midi_profile_files import profile_files
    from .output import print_json, print_table

    profiles = {name: read_profile(path) for name, path in profile_files().items()}
    names, note = _port_names(api)
    found = [(name, _profile_name(name, profiles)) for name in names]
    if as_json:
        ports = [{"port": port, "profile": profile or None} for port, profile in found]
        listed = [{"profile": n, "controller": p.name} for n, p in profiles.items()]
        print_json({"ports": ports, "profiles": listed, "note": note})
        return
    if found:
        print_table(("port", "profile"), found)
    else:
        click.echo(f"No MIDI port: {note or 'plug a controller in'}.")
    print_table(
        ("profile", "controller", "controls"),
        [(name, profile.name, len(profile.controls)) for name, profile in profiles.items()],
    )


def _port_names(api: str) -> tuple[list[str], str]:
    """The ports, and what keeps MIDI from working here."""
    from ..control.midi_ports import Ports
    from ..errors import MidiError

    try:
        with native_stderr():
            ports = Ports(api)
            names = ports.inputs()
            ports.close()
    except MidiError as error:
        return [], str(error)
    return names, ""


def _profile_name(port: str, profiles: dict[str, Profile]) -> str:
    return next((name for name, profile in profiles.items() if profile.matches(port)), "")


@command.command(name="monitor", epilog="\b\nExample:\n  rtstem midi monitor --port MIDImix\n")
@_API
@_CONFIG
@_PORT
@click.option("--profile", metavar="P", help="Profile for the ports: a name or a file.")
@click.option("--seconds", type=click.FloatRange(min=0), metavar="S", help="Stop after S seconds.")
def monitor(
    api: str, config: str | None, ports: Sequence[str], profile: str | None, seconds: float | None
) -> None:
    """Show what comes in and what it would do; Ctrl-C ends it."""
    from .midi_live import run_monitor

    run_monitor(_actions(config), api, ports, profile, seconds)


@command.command(
    name="learn",
    epilog="""\b
Examples:
  rtstem midi learn                                     asks action by action
  rtstem midi learn --action stem.vocals.gain           one control only
  rtstem midi learn --output mine.yaml --port MIDImix
`rtstem midi list --actions` shows the names. A profile in the default place is used by itself.
""",
)
@_API
@_CONFIG
@_PORT
@click.option("--action", "names", multiple=True, metavar="NAME", help="Ask for this one only.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Profile to write.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=15.0,
    show_default=True,
    metavar="S",
    help="How long to wait for each control before going on.",
)
def learn(
    api: str,
    config: str | None,
    ports: Sequence[str],
    names: Sequence[str],
    output: Path | None,
    seconds: float,
) -> int:
    """Teach a controller: move a control for each action asked for; Ctrl-C ends it."""
    from .midi_live import run_learn

    return run_learn(_actions(config), api, ports, names, output, seconds)


def _actions(config: str | None) -> ActionTable:
    """The actions of the desk that this configuration gives; no engine is started."""
    from ..config import check_stems, load_config
    from ..control.actions import ActionTable
    from ..control.desk import Desk
    from ..model_spec import read_model_spec
    from ..resources import find_model

    settings = load_config(config)
    stems = read_model_spec(find_model(settings.model)).stems
    check_stems(settings, stems)
    buses: dict[str, Any] = {
        name: bus.gains for name, bus in settings.buses.items() if not isinstance(bus.gains, str)
    }
    desk = Desk(stems, settings.presets, lambda state: None, settings.faders, buses=buses)
    return ActionTable(desk)
