"""`rtstem midi`: on a machine without any MIDI, and with a controller that is only a list."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rtstem.cli import run
from rtstem.commands import midi_live
from rtstem.control import midi_ports, midi_watch
from rtstem.control import midi_profile_files as files
from rtstem.control.midi_profile import read_profile
from rtstem.errors import MidiError
from tests.models import tiny_model
from tests.waiting import until


class Port:
    """A controller that sends `messages`."""

    name = "Piano:keys 20:0"

    def __init__(self, messages: list[list[int]]) -> None:
        self._messages = messages

    def receive(self) -> tuple[list[int], float] | None:
        return (self._messages.pop(0), 0.0) if self._messages else None

    def send(self, message: list[int]) -> None:
        pass

    def close(self) -> None:
        pass


class Ports:
    messages: list[list[int]]

    def __init__(self, api: str = "auto") -> None:
        pass

    def inputs(self) -> list[str]:
        return [Port.name]

    def open(self, name: str) -> Port:
        return Port(self.messages)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "user_dir", lambda: tmp_path / "mine")
    return tmp_path / "mine"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(f"model: {tiny_model(tmp_path / 'tiny.onnx')}\n")
    return str(path)


@pytest.fixture
def piano(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What the controller will send when the command waits for it; it is waited for as well."""
    messages: list[list[int]] = []
    sent: list[list[int]] = []
    wait = midi_live._wait

    def played(done: Callable[[], bool]) -> None:
        sent.extend(messages)
        until(lambda: not sent)
        wait(done)

    monkeypatch.setattr(midi_live, "_wait", played)
    monkeypatch.setattr(Ports, "messages", sent, raising=False)
    monkeypatch.setattr(midi_watch, "Ports", Ports)
    monkeypatch.setattr(midi_ports, "Ports", Ports)
    return messages


@pytest.fixture
def no_midi(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(api: str) -> None:
        raise MidiError("MIDI does not work here; do this")

    monkeypatch.setattr(midi_watch, "Ports", fail)
    monkeypatch.setattr(midi_ports, "Ports", fail)


def test_list_without_midi_says_why_and_shows_the_profiles(no_midi, capsys):
    assert run(["midi", "list"]) == 0
    out = capsys.readouterr().out
    assert "No MIDI port: MIDI does not work here; do this" in out
    assert "nanokontrol2" in out


def test_list_as_json(piano, capsys):
    assert run(["midi", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ports"] == [{"port": Port.name, "profile": None}]
    assert {"profile": "midimix", "controller": "Akai MIDImix"} in found["profiles"]


def test_list_of_actions_is_that_of_the_configuration(config, capsys):
    assert run(["midi", "list", "--actions", "--config", config, "--json"]) == 0
    actions = {row["action"]: row["kind"] for row in json.loads(capsys.readouterr().out)}
    assert actions["stem.vocals.gain"] == "continuous"
    assert actions["panic"] == "trigger"


@pytest.mark.parametrize("command", [["monitor"], ["learn"]])
def test_without_midi_the_others_are_one_line_and_exit_code_2(no_midi, config, capsys, command):
    assert run(["midi", *command, "--config", config]) == 2
    assert capsys.readouterr().err == "error: MIDI does not work here; do this\n"


def test_monitor_shows_messages_and_what_they_do_but_no_clock(piano, config, capsys):
    piano += [[0xF8], [0xB0, 1, 127], [0xB0, 2, 0], [0x95, 3, 4], [0xFE]]
    arguments = ["--config", config, "--profile", "generic", "--seconds", "0.6"]
    assert run(["midi", "monitor", *arguments]) == 0
    out = capsys.readouterr().out
    assert "CC 1 channel 1: 127" in out
    assert "CC 1: stem.vocals.gain = 1.000" in out
    assert "CC 2: stem.drums.gain waits to be picked up" in out
    assert "note 3 channel 6: 4" in out
    assert "F8" not in out


def test_learn_writes_a_profile_that_is_found_by_itself(piano, config, capsys, own_folder):
    piano += [[0xB4, 20, value] for value in range(0, 100, 7)]
    lesson = ["--action", "stem.drums.gain", "--seconds", "60"]
    assert run(["midi", "learn", "--config", config, *lesson]) == 0
    out = capsys.readouterr().out
    path = own_folder / "piano.yaml"
    assert "stem.drums.gain (drums fader): move it up and down" in out
    assert f"{path}: 1 control learned" in out
    profile = read_profile(path)
    assert profile.matches(Port.name)
    assert profile.controls["stem.drums.gain"].cc == 20


def test_learn_goes_on_with_a_profile_that_is_there(piano, config, tmp_path):
    output = tmp_path / "out.yaml"
    output.write_text("name: Mine\nports: [Piano]\ncontrols:\n  old: {note: 9, action: panic}\n")
    piano += [[0x90, 60, 100]]
    lesson = ["--action", "bypass", "--seconds", "60", "--output", str(output)]
    assert run(["midi", "learn", "--config", config, *lesson]) == 0
    assert set(read_profile(output).controls) == {"old", "bypass"}


def test_learn_of_nothing_writes_nothing(piano, config, capsys, own_folder):
    lesson = ["--action", "panic", "--seconds", "1"]
    assert run(["midi", "learn", "--config", config, *lesson]) == 1
    assert "nothing moved" in capsys.readouterr().out
    assert not own_folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["learn", "--action", "stem.drum.gain"], "did you mean 'stem.drums.gain'?"),
        (["monitor", "--profile", "midimx"], "did you mean 'midimix'?"),
    ],
)
def test_mistakes_are_one_line(piano, config, capsys, arguments, words):
    assert run(["midi", *arguments, "--config", config]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert words in error
    assert error.count("\n") == 1


def test_monitor_refuses_a_profile_with_unknown_actions(piano, config, tmp_path, capsys):
    path = tmp_path / "p.yaml"
    path.write_text("name: x\ncontrols:\n  f: {cc: 1, action: stem.drums.gian}\n")
    assert run(["midi", "monitor", "--config", config, "--profile", str(path)]) == 2
    error = capsys.readouterr().err
    assert (
        "controls.f.action: no action 'stem.drums.gian' (did you mean 'stem.drums.gain'?)" in error
    )


def test_learned_profile_that_cannot_be_written_is_told(piano, config, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    piano += [[0x90, 60, 100]]
    lesson = ["--action", "bypass", "--output", str(tmp_path / "file" / "p.yaml")]
    assert run(["midi", "learn", "--config", config, *lesson]) == 2
    assert "cannot be written" in capsys.readouterr().err
