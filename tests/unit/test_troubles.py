"""Counters as lines for people: begun, over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtstem import troubles as module
from rtstem.io import pair as pair_module
from rtstem.io.pair import STILL_SECONDS, PairStream
from rtstem.rt import board as b
from rtstem.rt.board import Board
from rtstem.rt.capture import MARKS, PACE, Capture
from rtstem.rt.system import system_calls
from rtstem.troubles import Troubles


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time, which moves when we say so."""
    now = SimpleNamespace(s=100.0)
    for part in (module, pair_module):
        monkeypatch.setattr(part.time, "monotonic", lambda: now.s)
    return now


@pytest.fixture
def board() -> Board:
    return Board(stems=2, buses=1, hop=512, delay_hops=1, system=system_calls())


def test_a_lasting_lack_of_input_is_told_when_it_begins_and_when_it_is_over(board, clock):
    told: list[str] = []
    troubles = Troubles(board, None, told.append)
    for _ in range(20):
        clock.s += 0.05
        board.header[b.FEED_UNDERFLOWS] += 5
        troubles.look()
    assert told == ["the input does not come in time; waiting for it"]
    for _ in range(50):
        clock.s += 0.05
        troubles.look()
    assert len(told) == 2
    assert told[1].startswith("the input comes again; 100 blocks in ")


def test_clocks_that_drift_apart_are_told_of_once_when_that_lasts(board, clock):
    told: list[str] = []
    troubles, capture = Troubles(board, None, told.append), Capture(system_calls(), 2, (0, 1))
    troubles.follow(capture)

    def looks(ppm: float, seconds: float) -> None:
        capture.servo[PACE] = 1 + 1e-6 * ppm
        for _ in range(round(seconds / 0.05)):
            clock.s += 0.05
            troubles.look()

    looks(-2000, 4)
    looks(1990, 20)
    looks(2000, 4)
    assert told == []
    looks(-2000, 10)
    assert told == [
        "input and output drift apart by more than 2000 ppm; set audio.block to 0,"
        " and both devices to the rates that they really have"
    ]


def test_an_input_is_lost_when_it_is_still_or_says_so(board, clock):
    capture = Capture(system_calls(), 2, (0, 1))
    source = SimpleNamespace(active=True, latency_frames=96)
    output = SimpleNamespace(active=True, latency_frames=100)
    capture.reset(48000, 44100)
    pair = PairStream(board, capture, source, output)
    assert pair.latency_frames == 100 + 88
    for _ in range(100):
        clock.s += 0.05
        capture.header[MARKS] += 1
        assert pair.active
    looks = 0
    while pair.active and looks < 1000:
        clock.s += 0.05
        looks += 1
    assert pair.input_lost
    assert looks == pytest.approx(STILL_SECONDS / 0.05, abs=3)
    capture.header[MARKS] += 1
    assert pair.active
    clock.s += 60.0  # the process was suspended
    assert pair.active
    source.active = False
    assert pair.input_lost
    source.active, output.active = True, False
    assert not pair.active
