"""What `rtstem midi monitor` and `rtstem midi learn` do with a running surface."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..control.midi import MidiSurface
from ..control.midi_events import Decoder, describe
from ..control.midi_profile import check_actions, read_profile
from ..control.midi_profile_files import keep_profile, load_profile, load_profiles
from ..errors import printable
from ..native_stderr import native_stderr

if TYPE_CHECKING:
    from ..control.actions import Action, ActionTable
    from ..control.midi_learn import Learned
    from ..control.midi_mapper import Move

_PAUSE = 0.05
_CLOCK = 0xF8


def run_monitor(
    actions: ActionTable,
    api: str,
    ports: Sequence[str],
    profile: str | None,
    seconds: float | None,
) -> None:
    """Print every message and what it does to `actions`, until Ctrl-C or for `seconds`."""
    profiles = load_profiles()
    if profile is not None:
        chosen = load_profile(profile)
        check_actions(chosen, actions.names, profile)
        profiles = (chosen.model_copy(update={"ports": ports or chosen.ports}), *profiles)
    began = time.monotonic()

    def show(port: str, message: list[int], moves: list[Move]) -> None:
        if message[0] == _CLOCK:
            return  # 48 a second say nothing
        what = ", ".join(_done(move) for move in moves) or "-"
        data = " ".join(f"{byte:02X}" for byte in message)
        when = f"{time.monotonic() - began:9.3f}"
        click.echo(printable(f"{when}  {port:<28.28}  {data:<12}{_said(message)}{what}"))

    surface = MidiSurface(actions, profiles, ports or ("",), _note, api=api, on_message=show)
    with _started(surface), contextlib.suppress(KeyboardInterrupt):
        _note("listening; Ctrl-C ends it")
        _wait(lambda: seconds is not None and time.monotonic() - began > seconds)


def _said(message: list[int]) -> str:
    events = Decoder().feed(message)
    text = f"{describe(events[0].address)}: {events[0].value}" if events else "not used"
    return f"{text:<28}"


def _done(move: Move) -> str:
    name = f"{move.binding.label}: {move.binding.target}"
    if move.value is None:
        return f"{name} waits to be picked up"
    return f"{name} = {move.value:.3f}"


def run_learn(
    actions: ActionTable,
    api: str,
    ports: Sequence[str],
    names: Sequence[str],
    output: Path | None,
    seconds: float,
) -> int:
    """Ask for a control for each action named, write what was learned; gives the exit code."""
    wanted = [actions[name].name for name in names] or _worth_learning(actions)
    started = (read_profile(output),) if output is not None and output.exists() else ()
    profiles = [profile for profile in (*started, *load_profiles()) if profile.ports]
    written: dict[Path, int] = {}
    surface = MidiSurface(actions, profiles, ports or ("",), _note, api=api)
    with _started(surface), contextlib.suppress(KeyboardInterrupt):
        for name in wanted:
            learned = _lesson(surface, actions[name], seconds)
            if learned is not None:
                path = keep_profile(learned.profile, output)
                written[path] = written.get(path, 0) + 1
    for path, count in written.items():
        click.echo(f"{path}: {count} control{'s' if count > 1 else ''} learned")
    return 0 if written else 1


def _lesson(surface: MidiSurface, action: Action, seconds: float) -> Learned | None:
    """Ask for one control; None when nothing was moved for so many seconds."""
    how = "move it up and down" if action.kind == "continuous" else "press it"
    click.echo(f"{action.name} ({action.label}): {how}")
    answers: list[Learned] = []
    surface.learn(action.name, answers.append)
    end = time.monotonic() + seconds
    _wait(lambda: bool(answers) or time.monotonic() > end)
    if not answers:
        surface.cancel_learn()
        click.echo("  nothing moved; left as it is")
        return None
    keys = ", ".join(f"{key} {value}" for key, value in answers[0].keys.items())
    click.echo(printable(f"  {answers[0].port}: {keys}"))
    return answers[0]


def _worth_learning(actions: ActionTable) -> list[str]:
    """The actions to ask for where the user names none: what every mixer has."""
    endings = (".gain", ".mute", ".solo")
    stems = [n for n in actions.names if n.startswith("stem.") and n.endswith(endings)]
    return [*stems, *(n for n in ("master.gain", "bypass", "panic") if n in actions)]


@contextlib.contextmanager
def _started(surface: MidiSurface) -> Iterator[None]:
    """The surface at work; what the system's MIDI prints while it opens is kept off the screen."""
    with native_stderr():
        surface.start()
    try:
        yield
    finally:
        with native_stderr():
            surface.stop()


def _wait(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(_PAUSE)


def _note(line: str) -> None:
    """To standard output: a notice of the MIDI thread must not meet `native_stderr`."""
    click.echo(printable(line))
