"""Events to actions: modes, pickup, layers, and what happens when a controller goes away."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from rtstem.control.midi_events import Address, Decoder
from rtstem.control.midi_mapper import Mapper, bind, pairs, parameters
from rtstem.control.midi_profile import make_profile
from tests.midi_board import Board


class Rig:
    """A board and one controller with these controls; `send` takes messages."""

    def __init__(self, **controls: dict) -> None:
        self.board = Board()
        profile = make_profile({"name": "test", "channel": 1, "controls": controls})
        self.bindings, self.left_out = bind(profile, self.board)
        self.decoder = Decoder(pairs(self.bindings), parameters(self.bindings))
        self.mapper = Mapper(self.bindings, self.board, self.in_beats)

    @contextlib.contextmanager
    def in_beats(self, beats: float) -> Iterator[None]:
        self.board.done.append(("beats", beats))
        yield
        self.board.done.append(("beats", 0.0))

    def send(self, *messages: list[int]) -> list[tuple[str, float]]:
        """What was applied for these messages."""
        before = len(self.board.done)
        for message in messages:
            for event in self.decoder.feed(message):
                self.mapper.handle(event)
        return self.board.done[before:]


def cc(number: int, value: int, channel: int = 1) -> list[int]:
    return [0xB0 | channel - 1, number, value]


def note(number: int, velocity: int = 127) -> list[int]:
    return [0x90, number, velocity]


def test_absolute_control_moves_its_action_over_the_whole_range():
    rig = Rig(f={"cc": 7, "action": "fader"})
    assert rig.send(cc(7, 0), cc(7, 127)) == [("fader", 0.0), ("fader", 1.0)]
    assert rig.send(cc(8, 5), cc(7, 5, channel=2)) == []


def test_range_invert_and_curve():
    rig = Rig(f={"cc": 7, "action": "fader", "range": [0.2, 0.6], "invert": True, "pickup": False})
    assert rig.send(cc(7, 0), cc(7, 127)) == [("fader", 0.6), ("fader", 0.2)]
    rig = Rig(f={"cc": 7, "action": "fader", "curve": "exp"})
    ((_, value),) = rig.send(cc(7, 1), cc(7, 64))[1:]
    assert 0.08 < value < 0.12


def test_fourteen_bit_and_parameters_and_pitch_bend():
    rig = Rig(
        a={"cc14": 7, "action": "fader"},
        b={"nrpn": 130, "action": "other", "channel": 2, "pickup": False},
    )
    assert rig.send(cc(7, 1), cc(39, 1)) == [("fader", 129 / 16383)]
    assert rig.send([0xB1, 99, 1], [0xB1, 98, 2], [0xB1, 6, 64], [0xB1, 38, 0]) == [
        ("other", 8192 / 16383)
    ]
    rig = Rig(a={"pitch": 3, "action": "fader", "pickup": False})
    assert rig.send([0xE2, 0x7F, 0x7F], [0xE1, 0, 0]) == [("fader", 1.0)]


def test_any_channel():
    rig = Rig(a={"cc": 7, "channel": "any", "action": "fader"})
    assert rig.send(cc(7, 0, 1), cc(7, 0, 16)) == [("fader", 0.0)] * 2


@pytest.mark.parametrize(
    ("encoding", "up", "down"),
    [("twos_complement", 1, 127), ("binary_offset", 65, 63), ("sign_magnitude", 1, 65)],
)
def test_relative_control_steps_and_stops_at_the_ends(encoding, up, down):
    rig = Rig(
        e={"cc": 16, "action": "fader", "mode": "relative", "encoding": encoding, "step": 0.25}
    )
    assert rig.send(*[cc(16, up)] * 5) == [("fader", v) for v in (0.25, 0.5, 0.75, 1.0, 1.0)]
    assert rig.send(*[cc(16, down)] * 5) == [("fader", v) for v in (0.75, 0.5, 0.25, 0.0, 0.0)]


def test_relative_control_goes_on_from_where_the_desk_is():
    rig = Rig(e={"cc": 1, "action": "fader", "mode": "relative", "encoding": "twos_complement"})
    rig.board.now["fader"] = 0.5
    assert rig.send(cc(1, 3)) == [("fader", pytest.approx(0.53))]


def test_toggle_by_note_and_by_control_change():
    rig = Rig(a={"note": 1, "action": "mute"}, b={"cc": 1, "action": "solo", "mode": "toggle"})
    assert rig.send(note(1), note(1, 0), note(1)) == [("mute", 1.0), ("mute", 0.0)]
    assert rig.send(cc(1, 127), cc(1, 0), cc(1, 127), cc(1, 0)) == [("solo", 1.0), ("solo", 0.0)]


def test_button_that_never_says_zero_counts_every_press():
    rig = Rig(a={"cc": 1, "action": "mute"})
    assert rig.send(cc(1, 127), cc(1, 127)) == [("mute", 1.0), ("mute", 0.0)]


def test_fader_used_as_a_button_switches_once_a_way():
    rig = Rig(a={"cc": 1, "action": "mute"})
    up = [cc(1, value) for value in range(0, 128, 9)]
    assert rig.send(*up) == [("mute", 1.0)]
    assert rig.send(*up[-2::-1]) == []


def test_toggle_of_a_continuous_action_goes_between_the_ends_of_its_range():
    rig = Rig(a={"note": 1, "action": "fader", "range": [0.2, 0.8]})
    assert rig.send(note(1), note(1)) == [("fader", 0.8), ("fader", 0.2)]


def test_momentary():
    rig = Rig(a={"note": 1, "action": "mute", "mode": "momentary"})
    assert rig.send(note(1), note(1, 0)) == [("mute", 1.0), ("mute", 0.0)]
    assert rig.send(note(1, 0)) == []  # a release without a press


def test_absolute_button_gives_its_own_state():
    rig = Rig(a={"cc": 1, "action": "mute", "mode": "absolute"})
    assert rig.send(cc(1, 127), cc(1, 127), cc(1, 0)) == [
        ("mute", 1.0),
        ("mute", 1.0),
        ("mute", 0.0),
    ]


def test_trigger_fires_on_the_press_only_and_by_program_change():
    rig = Rig(a={"note": 1, "action": "preset"}, b={"program": 4, "action": "preset"})
    assert rig.send(note(1), note(1, 0), [0xC0, 4], [0xC0, 5]) == [("preset", 1.0)] * 2


def test_recall_in_beats_happens_within_them():
    rig = Rig(a={"note": 1, "action": "snapshot.1.recall", "beats": 4})
    assert rig.send(note(1), note(1, 0)) == [
        ("beats", 4.0),
        ("snapshot.1.recall", 1.0),
        ("beats", 0.0),
    ]


def test_pickup_waits_until_the_fader_gets_there():
    rig = Rig(f={"cc": 7, "action": "fader"})
    rig.board.now["fader"] = 0.5
    assert rig.send(cc(7, 10), cc(7, 20), cc(7, 40)) == []
    assert rig.send(cc(7, 63)) == [("fader", 63 / 127)]
    rig.board.now["fader"] = 0.9  # the web page has moved it
    assert rig.send(cc(7, 64), cc(7, 70)) == []
    assert rig.send(cc(7, 120)) == [("fader", 120 / 127)]


def test_fast_sweep_over_the_value_picks_up():
    rig = Rig(f={"cc": 7, "action": "fader"})
    rig.board.now["fader"] = 0.5
    assert rig.send(cc(7, 0), cc(7, 127)) == [("fader", 1.0)]


def test_value_outside_the_range_of_a_fader_can_be_picked_up():
    rig = Rig(f={"cc": 7, "action": "fader", "range": [0.0, 0.5]})
    rig.board.now["fader"] = 1.0
    assert rig.send(cc(7, 100)) == []
    assert rig.send(cc(7, 127)) == [("fader", 0.5)]


def test_pickup_can_be_switched_off():
    rig = Rig(f={"cc": 7, "action": "fader", "pickup": False})
    rig.board.now["fader"] = 1.0
    assert rig.send(cc(7, 10)) == [("fader", 10 / 127)]


SHIFTED = {
    "shift": {"note": 99, "shift": "second"},
    "f": {"cc": 7, "action": "fader"},
    "f2": {"cc": 7, "layer": "second", "action": "other"},
    "b": {"note": 1, "action": "mute"},
    "k": {"note": 2, "action": "solo", "mode": "momentary"},
    "k2": {"note": 2, "layer": "second", "action": "mute"},
}


def test_shift_changes_what_a_control_does_while_it_is_held():
    rig = Rig(**SHIFTED)
    assert rig.send(note(99), cc(7, 0)) == [("other", 0.0)]
    assert rig.mapper.layer == "second"
    assert rig.send(note(99, 0), cc(7, 0)) == [("fader", 0.0)]
    assert rig.mapper.layer is None


def test_control_without_a_second_layer_keeps_working_under_shift():
    rig = Rig(**SHIFTED)
    assert rig.send(note(99), note(1)) == [("mute", 1.0)]


def test_fader_moved_in_one_layer_must_be_picked_up_in_the_other():
    rig = Rig(**SHIFTED)
    rig.send(cc(7, 0))
    assert rig.send(note(99), cc(7, 60)) == [("other", 60 / 127)]
    assert rig.send(note(99, 0), cc(7, 61)) == []  # the fader is at 0 in this layer
    assert rig.send(cc(7, 0)) == [("fader", 0.0)]


def test_button_held_through_a_shift_lets_go_of_what_it_pressed():
    rig = Rig(**SHIFTED)
    assert rig.send(note(2), note(99), note(2, 0)) == [("solo", 1.0), ("solo", 0.0)]


def test_latching_shift():
    rig = Rig(**SHIFTED | {"shift": {"note": 99, "shift": "second", "mode": "toggle"}})
    rig.send(note(99), note(99, 0))
    assert rig.mapper.layer == "second"
    rig.send(note(99))
    assert rig.mapper.layer is None


def test_controller_that_goes_away_lets_go_of_everything():
    rig = Rig(**SHIFTED)
    rig.send(note(2), note(99), cc(7, 127))
    rig.board.done.clear()
    rig.mapper.release()
    assert rig.board.done == [("solo", 0.0)]
    assert rig.mapper.layer is None
    rig.board.now["fader"] = 0.5
    assert rig.send(cc(7, 0)) == []  # nobody knows where the fader was meanwhile


def test_actions_that_the_desk_has_not_are_left_out():
    rig = Rig(a={"cc": 1, "action": "nothing"}, b={"cc": 2, "action": "fader"})
    assert rig.left_out == ["nothing"]
    assert rig.send(cc(1, 1), cc(2, 0)) == [("fader", 0.0)]


def test_one_control_may_move_two_actions():
    rig = Rig(a={"cc": 1, "action": "fader"}, b={"cc": 1, "action": "other"})
    assert rig.send(cc(1, 0)) == [("fader", 0.0), ("other", 0.0)]


def test_decoder_needs_of_bindings():
    rig = Rig(
        a={"cc14": 7, "action": "fader", "channel": "any"},
        b={"rpn": 1, "action": "other", "channel": 3},
    )
    assert pairs(rig.bindings) == {(channel, 7) for channel in range(1, 17)}
    assert parameters(rig.bindings) == {3}
    assert rig.bindings[1].address == Address("rpn", 3, 1)
