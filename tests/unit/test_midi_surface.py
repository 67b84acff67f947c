"""The surface with ports that are only lists: plugging, several controllers, failures, learning."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from rtstem.control import midi, midi_notices, midi_watch
from rtstem.control.midi import MidiSurface
from rtstem.control.midi_ports import output_for, port_key
from rtstem.control.midi_profile import make_profile
from rtstem.control.midi_watch import controller_name
from rtstem.errors import MidiError
from tests.midi_board import Board
from tests.waiting import until

PROFILE = make_profile(
    {
        "name": "Desk",
        "ports": ["Desk"],
        "channel": 1,
        "on_connect": [[0xB0, 127, 0]],
        "controls": {
            "fader": {"cc": 1, "action": "fader", "pickup": False},
            "fine": {"cc14": 2, "action": "other", "pickup": False},
            "mute": {"note": 1, "action": "mute", "feedback": "same"},
            "hold": {"note": 2, "action": "solo", "mode": "momentary"},
            "latch": {"note": 4, "shift": "two", "mode": "toggle"},
            "fader shifted": {"cc": 1, "layer": "two", "action": "other", "pickup": False},
            "scene": {"note": 3, "action": "snapshot.1.recall", "beats": 4},
        },
    }
)
OTHER = make_profile(
    {"name": "Pads", "ports": ["Pads"], "controls": {"a": {"note": 1, "action": "solo"}}}
)
GENERIC = make_profile({"name": "Any", "controls": {"a": {"cc": 9, "action": "fader"}}})


class Controller:
    """A connection: `incoming` is what it will send, `sent` what it was sent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.incoming: deque[list[int]] = deque()
        self.sent: list[list[int]] = []
        self.closed = False
        self.broken = False

    def receive(self) -> tuple[list[int], float] | None:
        if self.broken:
            raise OSError("the driver is gone")
        return (self.incoming.popleft(), 0.0) if self.incoming else None

    def send(self, message: list[int]) -> None:
        self.sent.append(list(message))

    def close(self) -> None:
        self.closed = True


class World:
    """What is plugged in, and a surface on it."""

    def __init__(self) -> None:
        self.plugged: dict[str, Controller] = {}
        self.board, self.notices = Board(), []
        self.refuses = False
        self.surfaces: list[MidiSurface] = []

    def plug(self, name: str) -> Controller:
        self.plugged[name] = Controller(name)
        return self.plugged[name]

    def surface(self, profiles=(PROFILE, OTHER, GENERIC), ports="auto", **more) -> MidiSurface:
        surface = MidiSurface(self.board, profiles, ports, self.notices.append, **more)
        self.surfaces.append(surface)
        surface.start()
        return surface

    # the ports, as the watch sees them

    def inputs(self) -> list[str]:
        return list(self.plugged)

    def open(self, name: str) -> Controller:
        if self.refuses:
            raise MidiError(f"MIDI port {name} does not open")
        return self.plugged[name]

    def close(self) -> None:
        pass


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    monkeypatch.setattr(midi_watch, "Ports", lambda api: world)
    monkeypatch.setattr(midi_watch, "LOOK_SECONDS", 0.01)
    yield world
    for surface in world.surfaces:
        surface.stop()


def test_controller_is_opened_greeted_lit_and_heard(world):
    desk = world.plug("Desk 1")
    surface = world.surface()
    assert until(lambda: surface.connected == ("Desk 1",))
    assert until(lambda: desk.sent == [[0xB0, 127, 0], [0x90, 1, 0]])
    desk.incoming.append([0xB0, 1, 127])
    assert until(lambda: world.board.done == [("fader", 1.0)])
    assert any("Desk 1 connected (Desk)" in line for line in world.notices)


def test_what_the_desk_changed_reaches_the_lamp(world):
    desk = world.plug("Desk 1")
    world.surface()
    assert until(lambda: len(desk.sent) == 2)
    world.board.apply("mute", 1.0)
    assert until(lambda: desk.sent[-1] == [0x90, 1, 127])


def test_burst_is_applied_whole_and_in_order(world):
    desk = world.plug("Desk 1")
    world.surface()
    values = [n * 37 % 128 for n in range(5000)]
    desk.incoming.extend([0xB0, 1, value] for value in values)
    assert until(lambda: len(world.board.done) == len(values))
    assert world.board.done == [("fader", value / 127) for value in values]


def test_upper_half_alone_counts_when_nothing_follows(world):
    desk = world.plug("Desk 1")
    world.surface()
    desk.incoming.append([0xB0, 2, 127])
    assert until(lambda: world.board.done == [("other", 1.0)])


def test_several_controllers_at_once(world):
    desk, pads = world.plug("Desk 1"), world.plug("Pads 1")
    surface = world.surface()
    assert until(lambda: len(surface.connected) == 2)
    desk.incoming.append([0x90, 1, 127])
    pads.incoming.append([0x90, 1, 127])
    assert until(lambda: set(world.board.done) == {("mute", 1.0), ("solo", 1.0)})


def test_unplug_lets_go_and_replug_resyncs_and_goes_on(world):
    desk = world.plug("Desk 28:0")
    surface = world.surface()
    desk.incoming.append([0x90, 2, 127])
    assert until(lambda: world.board.done == [("solo", 1.0)])
    desk.incoming.append([0xB0, 1, 64])  # the last words before the plug is pulled
    del world.plugged["Desk 28:0"]
    assert until(lambda: surface.connected == ())
    assert until(lambda: world.board.done[1:] == [("fader", 64 / 127), ("solo", 0.0)])
    assert until(lambda: desk.closed)
    world.board.apply("mute", 1.0)
    back = world.plug("Desk 32:0")
    assert until(lambda: back.sent == [[0xB0, 127, 0], [0x90, 1, 127]])
    back.incoming.append([0xB0, 1, 127])
    assert until(lambda: world.board.done[-1] == ("fader", 1.0))
    assert any("is gone" in line for line in world.notices)


def test_replug_keeps_the_layer_and_sends_what_was_lit_before(world):
    world.plug("Desk 1")
    surface = world.surface()
    assert until(lambda: surface.connected)
    world.board.apply("mute", 1.0)
    world.plugged["Desk 1"].incoming.append([0x90, 4, 127])
    assert until(lambda: world.plugged["Desk 1"].sent[-1] == [0x90, 1, 127])
    del world.plugged["Desk 1"]
    assert until(lambda: surface.connected == ())
    back = world.plug("Desk 1")
    assert until(lambda: back.sent == [[0xB0, 127, 0], [0x90, 1, 127]])
    back.incoming.append([0xB0, 1, 0])
    assert until(lambda: world.board.done[-1] == ("other", 0.0))
    assert [line.split()[-1] for line in world.notices if "is gone" in line] == ["back"]
    assert sum("connected" in line for line in world.notices) == 2


def test_controller_plugged_in_later_works(world):
    surface = world.surface()
    assert surface.connected == ()
    world.plug("Pads 1").incoming.append([0x90, 1, 127])
    assert until(lambda: world.board.done == [("solo", 1.0)])


def test_port_without_a_profile_is_left_alone_and_told_once(world):
    world.plug("Piano")
    surface = world.surface()
    assert until(lambda: any("no profile for Piano" in line for line in world.notices))
    time.sleep(0.05)
    assert sum("Piano" in line for line in world.notices) == 1
    assert surface.connected == ()


def test_named_port_without_a_profile_gets_the_generic_one(world):
    piano, _desk = world.plug("Piano"), world.plug("Desk 1")
    surface = world.surface(ports=["piano", "organ"])
    assert until(lambda: surface.connected == ("Piano",))
    piano.incoming.append([0xB0, 9, 0])
    assert until(lambda: world.board.done == [("fader", 0.0)])
    assert any("no port has 'organ'" in line for line in world.notices)


def test_failure_of_an_action_becomes_a_notice_and_the_rest_goes_on(world):
    desk = world.plug("Desk 1")

    def fail(name: str, value: float) -> None:
        if name == "solo":
            raise RuntimeError("no such thing")
        world.board.done.append((name, value))

    world.board.apply = fail
    world.surface()
    desk.incoming.extend([[0x90, 2, 1], [0xB0, 1, 0]])
    assert until(lambda: world.board.done == [("fader", 0.0)])
    assert "MIDI: no such thing" in world.notices


def test_broken_port_does_not_stop_the_others(world):
    desk, pads = world.plug("Desk 1"), world.plug("Pads 1")
    surface = world.surface()
    assert until(lambda: len(surface.connected) == 2)
    desk.broken = True
    assert until(lambda: "MIDI: the driver is gone" in world.notices)
    pads.incoming.append([0x90, 1, 1])
    assert until(lambda: world.board.done == [("solo", 1.0)])


def test_port_that_takes_no_messages_does_not_stop_the_others(world):
    desk, pads = world.plug("Desk 1"), world.plug("Pads 1")

    def refuse(message: list[int]) -> None:
        raise OSError("it takes nothing")

    desk.send = refuse
    world.surface()
    assert until(lambda: "MIDI: it takes nothing" in world.notices)
    for velocity in (1, 0, 1):
        world.board.apply("mute", float(velocity))
        pads.incoming.append([0x90, 1, velocity])
    desk.incoming.append([0xB0, 1, 0])
    assert until(lambda: ("fader", 0.0) in world.board.done)
    assert until(lambda: sum(name == "solo" for name, _ in world.board.done) == 2)


def test_list_of_ports_that_fails_once_is_told_and_looked_at_again(world):
    surface, inputs = world.surface(), world.inputs

    def fail() -> list[str]:
        world.inputs = inputs
        raise OSError("no list")

    world.inputs = fail
    world.plug("Desk 1")
    assert until(lambda: surface.connected == ("Desk 1",))
    assert "MIDI: no list" in world.notices


def test_port_that_does_not_open_is_told_once_and_tried_again(world, monkeypatch):
    monkeypatch.setattr(midi_notices, "_REPEAT_SECONDS", 0.0)
    world.refuses = True
    world.plug("Desk 1")
    surface = world.surface()
    time.sleep(0.1)
    assert sum("does not open" in line for line in world.notices) == 1
    world.refuses = False
    assert until(lambda: surface.connected == ("Desk 1",))


def test_lesson_takes_the_moved_control_of_any_port_and_moves_nothing_meanwhile(world):
    desk, piano = world.plug("Desk 1"), world.plug("Piano:keys 20:0")
    kept, told = [], []
    surface = world.surface(on_learned=kept.append)
    surface.learn("fader", told.append)
    assert until(lambda: len(surface.connected) == 2)
    desk.incoming.append([0x90, 1, 0])  # a release begins no lesson
    piano.incoming.extend([0xB4, 20, value] for value in range(10, 30))
    assert until(lambda: told)
    assert world.board.done == []
    (learned,) = told
    assert kept == told
    assert (learned.action, learned.keys) == ("fader", {"cc": 20, "channel": 5})
    assert (learned.profile.name, learned.profile.ports) == ("Piano", ("Piano",))
    piano.incoming.append([0xB4, 20, 1])
    assert until(lambda: world.board.done == [("fader", 1 / 127)])
    del world.plugged["Piano:keys 20:0"]
    assert until(lambda: len(surface.connected) == 1)
    again = world.plug("Piano:keys 24:0")
    again.incoming.append([0xB4, 20, 0])
    assert until(lambda: world.board.done[-1] == ("fader", 0.0))


def test_lesson_that_is_given_up_gives_the_controls_back(world):
    desk = world.plug("Desk 1")
    surface = world.surface()
    surface.learn("fader", pytest.fail)
    surface.cancel_learn()
    desk.incoming.append([0xB0, 1, 0])
    assert until(lambda: world.board.done == [("fader", 0.0)])


def test_clock_sets_the_time_of_a_fade_in_beats(world, monkeypatch):
    now = [100.0]
    pretended = SimpleNamespace(monotonic=lambda: now[0], sleep=time.sleep)
    monkeypatch.setattr(midi, "time", pretended)
    desk, fades = world.plug("Desk 1"), []
    apply = world.board.apply

    def watch(name: str, value: float) -> None:
        fades.append(world.board.fade_seconds)
        apply(name, value)

    world.board.apply = watch
    surface = world.surface(desk=world.board)
    assert surface.bpm is None
    for _ in range(60):
        now[0] += 0.1
        desk.incoming.append([0xF8])
        assert until(lambda: not desk.incoming)
    assert until(lambda: surface.bpm == pytest.approx(25, rel=0.05))
    desk.incoming.append([0x90, 3, 1])
    assert until(lambda: world.board.done == [("snapshot.1.recall", 1.0)])
    assert fades == [pytest.approx(4 * 60 / 25, rel=0.05)]
    assert until(lambda: world.board.fade_seconds == 2.0)


def test_notices_are_not_repeated_at_once(monkeypatch):
    told: list[str] = []
    notices = midi_notices.Notices(told.append)
    for line in ("a", "a", "b", "a"):
        notices(line)
    assert told == ["a", "b"]
    monkeypatch.setattr(midi_notices, "_REPEAT_SECONDS", 0.0)
    notices("a")
    assert told == ["a", "b", "a"]
    assert not notices.guard(int, "x")
    assert "invalid literal" in told[-1]


def test_stop_lets_go_closes_and_may_come_twice(world):
    desk = world.plug("Desk 1")
    surface = world.surface()
    desk.incoming.append([0x90, 2, 127])
    assert until(lambda: world.board.done == [("solo", 1.0)])
    surface.stop()
    surface.stop()
    assert world.board.done[-1] == ("solo", 0.0)
    assert desk.closed
    world.board.apply("mute", 1.0)
    assert surface.connected == ()


def test_names_of_ports():
    key = port_key("nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0")
    assert key == port_key("nanoKONTROL2:nanoKONTROL2 MIDI 1 32:0")
    assert port_key("X:midi_in_1") == port_key("X:midi_out_2")
    assert port_key("X") != port_key("Y")
    inputs = ["Pads 20:0", "Pads 24:0", "Keys 28:0"]
    outputs = ["Keys 28:0", "Pads 20:0", "Pads 24:0"]
    assert [output_for(name, inputs, outputs) for name in inputs] == [
        "Pads 20:0",
        "Pads 24:0",
        "Keys 28:0",
    ]
    assert output_for("Keys 28:0", inputs, ["Pads 20:0"]) is None
    assert controller_name("nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0") == "nanoKONTROL2"
    assert controller_name("a2j:MIDI Mix [20] (capture): MIDI Mix MIDI 1") == "MIDI Mix"
    assert controller_name("DDJ-FLX4") == "DDJ-FLX4"
