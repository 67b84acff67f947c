"""Learning: which control was moved, and how it speaks."""

from __future__ import annotations

import pytest

from rtstem.control.midi_clock import Clock
from rtstem.control.midi_learn import SETTLE_SECONDS, Recogniser, relative_encoding, with_control
from rtstem.control.midi_profile import make_profile

FADER = [[0xB0, 7, value] for value in (10, 12, 15, 19, 22, 20, 16)]


def learned(kind: str, *messages: list[int]) -> dict | None:
    recogniser = Recogniser(kind)
    for n, message in enumerate(messages):
        recogniser.feed(message, 0.001 * n)
    return recogniser.result(1.0)


@pytest.mark.parametrize(
    ("messages", "keys"),
    [
        (FADER, {"cc": 7, "channel": 1}),
        ([[0xB2, 7, 1], [0xB2, 39, 4], [0xB2, 7, 1], [0xB2, 39, 9]], {"cc14": 7, "channel": 3}),
        (
            [[0xB0, 16, v] for v in (1, 1, 1, 127, 127)],
            {"cc": 16, "channel": 1, "mode": "relative", "encoding": "twos_complement"},
        ),
        (
            [[0xB0, 16, v] for v in (65, 65, 63, 62)],
            {"cc": 16, "channel": 1, "mode": "relative", "encoding": "binary_offset"},
        ),
        (
            [[0xB0, 16, v] for v in (1, 1, 65, 65)],
            {"cc": 16, "channel": 1, "mode": "relative", "encoding": "sign_magnitude"},
        ),
        ([[0xE3, 0, 10], [0xE3, 5, 11]], {"pitch": 4, "feedback": "same"}),
        (
            [[0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 3], [0xB0, 38, 1]],
            {"nrpn": 130, "channel": 1},
        ),
        ([[0xB0, 99, 1], [0xB0, 98, 2], [0xB0, 6, 3]], {"nrpn": 130, "channel": 1}),
        ([[0x9F, 3, 100], [0x8F, 3, 0]], {"note": 3, "channel": 16}),
        ([[0xB0, 20, 127], [0xB0, 20, 0]], {"cc": 20, "channel": 1, "mode": "toggle"}),
    ],
)
def test_continuous(messages, keys):
    assert learned("continuous", *messages) == keys


def test_touch_note_before_a_motor_fader_is_not_the_fader():
    assert learned("continuous", [0x90, 104, 127], [0xE0, 0, 10], [0xE0, 3, 10]) == {
        "pitch": 1,
        "feedback": "same",
    }


def test_knob_that_jitters_beside_the_moved_one_is_not_taken():
    assert learned("continuous", [0xB0, 3, 64], *FADER, [0xB0, 3, 65]) == {"cc": 7, "channel": 1}


@pytest.mark.parametrize("kind", ["toggle", "trigger"])
def test_buttons_are_notes_first_and_have_lamps(kind):
    assert learned(kind, [0xB0, 1, 5], [0x90, 8, 127]) == {
        "note": 8,
        "channel": 1,
        "feedback": "same",
    }
    assert learned(kind, [0xB0, 20, 127]) == {"cc": 20, "channel": 1, "feedback": "same"}
    assert learned(kind, [0xC1, 9]) == {"program": 9, "channel": 2}


def test_there_is_no_answer_before_the_control_has_been_watched():
    recogniser = Recogniser("continuous")
    assert recogniser.result(100.0) is None
    recogniser.feed([0xF8], 100.0)
    assert recogniser.result(200.0) is None
    recogniser.feed(FADER[0], 200.0)
    assert recogniser.result(200.0 + SETTLE_SECONDS["continuous"] / 2) is None
    assert recogniser.result(201.0) == {"cc": 7, "channel": 1}


@pytest.mark.parametrize("values", [[1], [1, 2, 3], [127, 126, 120], [64, 64], [30, 30]])
def test_faders_are_not_taken_for_encoders(values):
    assert relative_encoding(values) is None


def test_learned_control_replaces_what_its_source_did_and_what_moved_its_action():
    profile = make_profile(
        {
            "name": "x",
            "controls": {
                "knob": {"cc": 7, "channel": 1, "action": "a"},
                "other": {"cc": 8, "channel": 1, "action": "b"},
                "fader": {"cc": 9, "channel": 1, "action": "c"},
                "shift": {"note": 1, "shift": "two"},
                "second": {"cc": 7, "channel": 1, "layer": "two", "action": "d"},
            },
        }
    )
    once = with_control(profile, "fader", {"cc": 7, "channel": 1})
    assert set(once.controls) == {"other", "shift", "second", "fader"}
    assert once.controls["fader"].cc == 7
    again = with_control(once, "fader", {"cc": 10, "channel": 1})
    assert again.controls["fader"].cc == 10
    assert len(again.controls) == 4


def test_control_on_any_channel_is_the_same_control():
    profile = make_profile({"name": "x", "controls": {"knob": {"cc": 7, "action": "a"}}})
    assert set(with_control(profile, "f", {"cc": 7, "channel": 4}).controls) == {"f"}


def test_clock_tells_the_tempo_and_stops():
    clock = Clock()
    assert clock.bpm(0.0) is None
    times = [n * 60 / 126 / 24 + 0.002 * (n % 2) for n in range(100)]  # 2 ms of jitter
    for at in times:
        clock.tick(at)
    assert clock.bpm(times[-1]) == pytest.approx(126, abs=0.5)
    assert clock.bpm(times[-1] + 1.0) is None


def test_clock_follows_a_new_tempo_and_forgets_gaps():
    clock = Clock()
    for n in range(50):
        clock.tick(n * 60 / 60 / 24)
    start = 3.0
    for n in range(13):
        clock.tick(start + n * 60 / 180 / 24)
    assert clock.bpm(start + 12 * 60 / 180 / 24) == pytest.approx(180)
    clock.reset()
    assert clock.bpm(start) is None
