"""`rtstem midi`: which controllers there are, what they send, and teaching them what to move."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..control.actions import ActionTable
    from ..control.midi_learn import Learned
    from ..control.midi_mapper import Move
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
_PAUSE = 0.05


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
    from ..control.midi_ports import Ports
    from ..control.midi_profile import read_profile
    from ..control.midi_profile_files import profile_files
    from ..errors import MidiError
    from .output import print_json, print_table

    if actions:
        table = _actions(config)
        rows = [(name, table[name].kind, table[name].label) for name in table.names]
        if as_json:
            print_json([dict(zip(("action", "kind", "label"), row, strict=True)) for row in rows])
        else:
            print_table(("action", "kind", "what it is"), rows)
        return
    profiles = {name: read_profile(path) for name, path in profile_files().items()}
    note, found = "", []
    try:
        ports = Ports(api)
        found = [(name, _profile_name(name, profiles)) for name in ports.inputs()]
        ports.close()
    except MidiError as error:
        note = str(error)
    if as_json:
        listed = [{"profile": n, "controller": p.name} for n, p in profiles.items()]
        ports_found = [{"port": port, "profile": profile or None} for port, profile in found]
        print_json({"ports": ports_found, "profiles": listed, "note": note})
        return
    if found:
        print_table(("port", "profile"), found)
    else:
        click.echo(f"No MIDI port: {note or 'plug a controller in'}.")
    print_table(
        ("profile", "controller", "controls"),
        [(name, profile.name, len(profile.controls)) for name, profile in profiles.items()],
    )


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
    from ..control.midi import MidiSurface
    from ..control.midi_profile import check_actions
    from ..control.midi_profile_files import load_profile, load_profiles

    actions = _actions(config)
    profiles = load_profiles()
    if profile is not None:
        chosen = load_profile(profile)
        check_actions(chosen, actions.names, profile)
        profiles = (chosen.model_copy(update={"ports": ports or chosen.ports}), *profiles)
    began = time.monotonic()

    def show(port: str, message: list[int], moves: list[Move]) -> None:
        what = ", ".join(_done(move) for move in moves) or "-"
        data = " ".join(f"{byte:02X}" for byte in message)
        click.echo(
            f"{time.monotonic() - began:9.3f}  {port:<28.28}  {data:<12}{_said(message)}{what}"
        )

    surface = MidiSurface(actions, profiles, ports or ("",), _note, api=api, on_message=show)
    with surface, contextlib.suppress(KeyboardInterrupt):
        _note("listening; Ctrl-C ends it")
        _wait(lambda: seconds is not None and time.monotonic() - began > seconds)


def _said(message: list[int]) -> str:
    from ..control.midi_events import Decoder, describe

    events = Decoder().feed(message)
    text = f"{describe(events[0].address)}: {events[0].value}" if events else "not used"
    return f"{text:<28}"


def _done(move: Move) -> str:
    name = f"{move.binding.label}: {move.binding.target}"
    if move.value is None:
        return f"{name} waits to be picked up"
    return f"{name} = {move.value:.3f}"


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
    from ..control.midi import MidiSurface
    from ..control.midi_profile import read_profile
    from ..control.midi_profile_files import load_profiles

    actions = _actions(config)
    wanted = [actions[name].name for name in names] or _worth_learning(actions)
    started = (read_profile(output),) if output is not None and output.exists() else ()
    profiles = [profile for profile in (*started, *load_profiles()) if profile.ports]
    written: dict[Path, int] = {}

    def keep(learned: Learned) -> None:
        path = _keep(learned, output)
        written[path] = written.get(path, 0) + 1

    surface = MidiSurface(actions, profiles, ports or ("",), _note, api=api, on_learned=keep)
    with surface, contextlib.suppress(KeyboardInterrupt):
        for name in wanted:
            if not _lesson(surface.learn, actions, name, seconds):
                surface.cancel_learn()
                _note("  nothing moved; left as it is")
    for path, count in written.items():
        click.echo(f"{path}: {count} control{'s' if count > 1 else ''} learned")
    return 0 if written else 1


def _keep(learned: Learned, output: Path | None) -> Path:
    from ..control.midi_profile_files import file_name, save_profile, user_dir

    path = output or user_dir() / file_name(learned.profile)
    save_profile(learned.profile, path)
    return path


def _lesson(
    learn: Callable[[str, Callable[[Learned], None]], None],
    actions: ActionTable,
    name: str,
    seconds: float,
) -> bool:
    """Ask for one control; True when it has been moved."""
    how = "move it up and down" if actions[name].kind == "continuous" else "press it"
    click.echo(f"{name} ({actions[name].label}): {how}")
    answers: list[Learned] = []
    learn(name, answers.append)
    end = time.monotonic() + seconds
    _wait(lambda: bool(answers) or time.monotonic() > end)
    for answer in answers:
        keys = ", ".join(f"{key} {value}" for key, value in answer.keys.items())
        click.echo(f"  {answer.port}: {keys}")
    return bool(answers)


def _worth_learning(actions: ActionTable) -> list[str]:
    """The actions to ask for where the user names none: what every mixer has."""
    endings = (".gain", ".mute", ".solo")
    stems = [n for n in actions.names if n.startswith("stem.") and n.endswith(endings)]
    return [*stems, *(n for n in ("master.gain", "bypass", "panic") if n in actions)]


def _wait(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(_PAUSE)


def _note(line: str) -> None:
    click.echo(line, err=True)


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
