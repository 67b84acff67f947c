"""Profiles: what is refused and in which words, the shipped ones, writing and reading back."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtstem.control import midi_profile_files as files
from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.midi_events import Address
from rtstem.control.midi_mapper import bind
from rtstem.control.midi_profile import check_actions, make_profile, read_profile
from rtstem.errors import ConfigError, MidiError

SHIPPED = {
    "generic",
    "nanokontrol2",
    "midimix",
    "x_touch_mini",
    "launch_control_xl",
    "mackie_control",
    "ddj_flx4",
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the user's own profiles that is not the real one."""
    folder = tmp_path / "mine"
    monkeypatch.setattr(files, "user_dir", lambda: folder)
    return folder


def refusal(tmp_path: Path, control: str) -> str:
    path = tmp_path / "p.yaml"
    path.write_text(f"name: x\ncontrols:\n  f: {control}\n")
    with pytest.raises(ConfigError) as caught:
        read_profile(path)
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{path}")


@pytest.mark.parametrize(
    ("control", "words"),
    [
        ("{cc: 7, actoin: a}", ":3: controls.f.actoin: unknown key (did you mean 'action'?)"),
        ("{cc: 128, action: a}", ":3: controls.f.cc: must be a whole number from 0 to 127"),
        ("{cc14: 32, action: a}", ":3: controls.f.cc14: must be a whole number from 0 to 31"),
        ("{cc: 7, note: 7, action: a}", ":3: controls.f: has cc and note; give one of"),
        ("{action: a}", ":3: controls.f: has no source; give one of"),
        ("{cc: 7}", ":3: controls.f: needs an action or a shift"),
        ("{cc: 7, action: a, shift: b}", ":3: controls.f: needs an action or a shift"),
        ("{cc: 7, action: a, channel: 17}", "controls.f.channel: must be any or a whole number"),
        ("{cc: 7, action: a, mode: turn}", "controls.f.mode: must be one of absolute, relative"),
        ("{cc: 7, action: a, mode: relative}", "controls.f.mode: mode relative and an encoding"),
        ("{note: 7, action: a, mode: relative, encoding: binary_offset}", "relative is for cc"),
        ("{cc: 7, action: a, curve: db}", "controls.f.curve: must be one of linear, exp, log"),
        ("{cc: 7, action: a, range: [1, 1]}", "controls.f.range: must be a list of two different"),
        ("{cc: 7, action: a, layer: two}", "controls.f.layer: no control shifts to it"),
        ("{cc: 7, action: a, beats: 4}", "controls.f.beats: is for snapshot.N.recall only"),
        ("{cc: 7, action: a, feedback: lamp}", "controls.f.feedback: must be a mapping"),
        ("{cc: 7, action: a, feedback: {high: 1}}", "controls.f.feedback: has no source"),
        ("{cc: 7, action: a, feedback: {note: 200}}", "controls.f.feedback.note: must be a whole"),
        ("{cc: 7, shift: a, mode: trigger}", "controls.f.mode: must be momentary or toggle"),
        ("", ":3: controls.f: must be a mapping with the keys cc,"),
    ],
)
def test_refusals(tmp_path, control, words):
    assert words in refusal(tmp_path, control)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({}, "name: missing; add it"),
        ({"name": "x", "ports": "nano"}, "ports: must be a list of parts of port names"),
        ({"name": "x", "on_connect": [[300]]}, "on_connect: must be a whole number from 0 to 255"),
        ({"name": "x", "on_connect": [1]}, "on_connect: must be a list of messages"),
        ({"name": "x", "control": {}}, "control: unknown key (did you mean 'controls'?)"),
    ],
)
def test_refusals_of_the_whole(mapping, words):
    with pytest.raises(ConfigError, match=r"^here: ") as caught:
        make_profile(mapping, "here")
    assert words in str(caught.value)


def test_unknown_actions_are_told_with_the_one_that_was_meant():
    profile = make_profile({"name": "x", "controls": {"f": {"cc": 1, "action": "stem.vocal.gain"}}})
    with pytest.raises(ConfigError, match=r"me: controls\.f\.action: .*'stem\.vocals\.gain'"):
        check_actions(profile, ["stem.vocals.gain", "panic"], "me")
    check_actions(profile, ["stem.vocal.gain"], "me")


def test_feedback_same_is_the_controls_own_address_with_its_channel():
    control = make_profile(
        {
            "name": "x",
            "channel": 3,
            "controls": {
                "a": {"note": 4, "action": "m", "feedback": "same"},
                "b": {"cc": 4, "channel": 5, "action": "m", "feedback": {"note": 9}},
            },
        }
    ).controls
    assert control["a"].feedback.address(3) == control["a"].address(3) == Address("note", 3, 4)
    assert control["b"].address(3) == Address("cc", 5, 4)


def test_ports_match_in_any_case():
    profile = make_profile({"name": "x", "ports": ["MIDI Mix"]})
    assert profile.matches("midi mix:MIDI MIX MIDI 1 20:0")
    assert not profile.matches("nanoKONTROL2")
    assert not make_profile({"name": "x"}).matches("anything")


def test_shipped_profiles_load_and_tell_their_source():
    assert set(files.profile_files()) == SHIPPED
    for name, path in files.profile_files().items():
        profile = read_profile(path)
        assert profile.controls, name
        assert name == "generic" or ("Source:" in path.read_text() and profile.ports)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_shipped_profiles_name_only_actions_that_there_are_and_bind_them_all(name):
    desk = Desk(("vocals", "drums", "bass", "other"), {}, lambda state: None)
    actions, profile = ActionTable(desk), files.load_profile(name)
    check_actions(profile, actions.names, name)
    bindings, left_out = bind(profile, actions)
    assert len(bindings) == len(profile.controls)
    assert left_out == []
    gains = {b.target for b in bindings if b.target.endswith(".gain")}
    assert {f"stem.{stem}.gain" for stem in desk.stems} <= gains
    sources = [(b.address, b.control.layer) for b in bindings]
    assert len(set(sources)) == len(sources), "two controls with one source"


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_written_profile_reads_back_the_same(name, tmp_path):
    profile = files.load_profile(name)
    files.save_profile(profile, tmp_path / "deep" / "copy.yaml")
    assert read_profile(tmp_path / "deep" / "copy.yaml") == profile
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy.yaml"]


def test_control_on_any_channel_is_written_as_such(tmp_path):
    profile = make_profile(
        {
            "name": "x: y #1",
            "channel": 2,
            "controls": {"f:1": {"cc": 1, "channel": "any", "action": "a"}},
        }
    )
    files.save_profile(profile, tmp_path / "p.yaml")
    assert read_profile(tmp_path / "p.yaml") == profile


def test_the_users_own_profile_comes_first_and_hides_one_of_its_name(own_folder):
    files.save_profile(
        make_profile({"name": "mine", "ports": ["nano"]}), own_folder / "midimix.yaml"
    )
    assert files.load_profiles()[0].name == "mine"
    assert files.find_profile("midimix") == own_folder / "midimix.yaml"
    assert len(files.profile_files()) == len(SHIPPED)


def test_unknown_profile_names_those_there_are():
    with pytest.raises(ConfigError, match=r"did you mean 'midimix'.*generic"):
        files.load_profile("midimx")
    with pytest.raises(ConfigError, match="no such file"):
        files.load_profile("nowhere/mine.yaml")


def test_a_chosen_profile_is_for_the_ports_named_its_own_or_all():
    every = files.load_profiles()
    assert files.choose_profiles(None, ("x",)) == (every, ("x",))
    midimix = files.load_profile("midimix")
    assert files.choose_profiles("midimix", "auto") == ((midimix, *every), "auto")
    (first, *others), ports = files.choose_profiles("midimix", ("Keystation",))
    assert (first.matches("keystation 49"), first.controls) == (True, midimix.controls)
    assert (tuple(others), ports) == (every, ("Keystation",))
    generic = files.load_profile("generic")
    assert files.choose_profiles("generic", "auto") == ((generic,), ("",))


def test_profile_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MidiError, match="cannot be written"):
        files.save_profile(make_profile({"name": "x"}), tmp_path / "file" / "p.yaml")
    (tmp_path / "p.yaml").mkdir()
    with pytest.raises(MidiError, match="cannot be written"):
        files.save_profile(make_profile({"name": "x"}), tmp_path / "p.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "p.yaml"]


def test_file_name_of_a_controller():
    assert files.file_name(make_profile({"name": "Launch Control XL"})) == "launch_control_xl.yaml"
    assert files.file_name(make_profile({"name": "../…"})) == "controller.yaml"
