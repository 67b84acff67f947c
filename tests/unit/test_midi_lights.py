"""What controllers are sent: lamps, rings, motors, and when they are left alone."""

from __future__ import annotations

from rtstem.control.midi_events import Address, Event
from rtstem.control.midi_lights import HOLD_SECONDS, Lights
from rtstem.control.midi_mapper import bind
from rtstem.control.midi_profile import make_profile
from tests.midi_board import Board


def lit(board: Board, **controls: dict) -> Lights:
    profile = make_profile({"name": "test", "channel": 1, "controls": controls})
    return Lights(bind(profile, board)[0], board.value)


MOTOR = {"pitch": 1, "action": "fader", "touch": 104, "feedback": "same"}


def test_everything_is_sent_at_first_and_changes_only_afterwards():
    board = Board()
    lights = lit(
        board,
        a={"note": 1, "action": "mute", "feedback": "same"},
        b={"note": 2, "action": "solo", "feedback": {"cc": 9, "low": 1, "high": 5}},
    )
    assert lights.messages(None, 0.0) == [[0x90, 1, 0], [0xB0, 9, 1]]
    assert lights.messages(None, 1.0) == []
    board.now["solo"] = 1.0
    lights.changed(["solo", "mute", "something"])
    assert lights.messages(None, 2.0) == [[0xB0, 9, 5]]


def test_ring_follows_the_travel_of_its_control():
    board = Board()
    ring = {"cc": 48, "low": 17, "high": 27}
    lights = lit(
        board,
        a={
            "cc": 16,
            "action": "fader",
            "mode": "relative",
            "encoding": "sign_magnitude",
            "feedback": ring,
        },
    )
    sent = []
    for value in (0.0, 0.5, 1.0):
        board.now["fader"] = value
        lights.changed(["fader"])
        sent += lights.messages(None, 0.0)
    assert sent == [[0xB0, 48, 17], [0xB0, 48, 22], [0xB0, 48, 27]]


def test_motor_fader_is_sent_fourteen_bits():
    board = Board()
    board.now["fader"] = 1.0
    assert lit(board, a=MOTOR).messages(None, 0.0) == [[0xE0, 127, 127]]


def test_fader_in_the_hand_is_left_alone_and_gets_the_value_when_let_go():
    board = Board()
    lights = lit(board, a=MOTOR)
    lights.messages(None, 0.0)
    lights.moved(Event(Address("pitch", 1), 8192, 16383), 1.0)
    board.now["fader"] = 0.25
    lights.changed(["fader"])
    assert lights.messages(None, 1.0) == []
    assert lights.messages(None, 1.0 + HOLD_SECONDS) == [[0xE0, 0x00, 0x20]]


def test_touched_fader_is_left_alone_however_long_it_stands_still():
    board = Board()
    lights = lit(board, a=MOTOR)
    lights.messages(None, 0.0)
    lights.moved(Event(Address("note", 1, 104), 127, 127), 1.0)
    board.now["fader"] = 1.0
    lights.changed(["fader"])
    assert lights.messages(None, 60.0) == []
    lights.moved(Event(Address("note", 1, 104), 0, 127), 61.0)
    assert lights.messages(None, 61.0) == [[0xE0, 127, 127]]


def test_fader_that_was_moved_is_sent_even_the_value_it_was_sent_before():
    board = Board()
    lights = lit(board, a=MOTOR)
    assert lights.messages(None, 0.0) == [[0xE0, 0, 0]]
    lights.moved(Event(Address("pitch", 1), 8192, 16383), 1.0)
    assert lights.messages(None, 2.0) == [[0xE0, 0, 0]]


def test_button_is_lit_again_after_every_press_and_release():
    board = Board()
    board.now["mute"] = 1.0
    lights = lit(board, a={"note": 1, "action": "mute", "feedback": "same"})
    lights.messages(None, 0.0)
    lights.moved(Event(Address("note", 1, 1), 0, 127), 1.0)
    assert lights.messages(None, 1.0) == [[0x90, 1, 127]]


def test_layers_have_lights_of_their_own_and_the_shift_button_shows_its():
    board = Board()
    board.now["mute"] = 1.0
    lights = lit(
        board,
        s={"note": 9, "shift": "second", "feedback": "same"},
        a={"note": 1, "action": "mute", "feedback": "same"},
        b={"note": 1, "layer": "second", "action": "solo", "feedback": "same"},
    )
    assert lights.messages(None, 0.0) == [[0x90, 9, 0], [0x90, 1, 127]]
    lights.refresh()
    assert lights.messages("second", 0.0) == [[0x90, 9, 127], [0x90, 1, 0]]


def test_lamp_used_in_the_other_layer_only_is_dark():
    board = Board()
    board.now["solo"] = 1.0
    lights = lit(
        board,
        s={"note": 9, "shift": "second"},
        b={"note": 1, "layer": "second", "action": "solo", "feedback": "same"},
    )
    assert lights.messages(None, 0.0) == [[0x90, 1, 0]]


def test_resync_sends_all_again_whatever_was_held():
    board = Board()
    lights = lit(board, a=MOTOR, b={"note": 1, "action": "mute", "feedback": "same"})
    first = lights.messages(None, 0.0)
    lights.moved(Event(Address("note", 1, 104), 127, 127), 1.0)
    lights.resync()
    assert lights.messages(None, 1.0) == first


def test_fader_on_any_channel_is_known_by_its_number():
    board = Board()
    lights = lit(board, a={"cc": 7, "channel": "any", "action": "fader", "feedback": "same"})
    lights.messages(None, 0.0)
    lights.moved(Event(Address("cc", 5, 7), 64, 127), 1.0)
    assert lights.messages(None, 1.0) == []
    assert lights.messages(None, 2.0) == [[0xB0, 7, 0]]
