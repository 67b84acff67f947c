"""What the times of the hops show: a card that is shared, and what only looks like it."""

from __future__ import annotations

import pytest

from rtstem.contention import HopWindow
from rtstem.rt import board as b
from rtstem.rt.board import Board
from rtstem.rt.system import system_calls

LOOKS = 9  # fill the window


@pytest.fixture
def board():
    board = Board(stems=4, buses=1, hop=512, delay_hops=2, system=system_calls())
    board.header[b.RATE] = 44100
    return board


def watch(board: Board, *times_ms: float, missed: int = 0, looks: int = LOOKS):
    """Each look finds hops of `times_ms` and `missed` late ones; what the last look says."""
    window, seen = HopWindow(board), None
    for _ in range(looks):
        seen = window.look()
        for spent in times_ms:
            board.hop_hist[round(spent * 1e6 / b.HOP_BIN_NS)] += 1
        board.header[b.HELD_HOPS] += missed
    return seen


def test_hops_of_two_lengths_are_seen(board):
    seen = watch(board, *[1.2] * 18, *[7.0] * 3)
    assert seen.share == pytest.approx(3 / 21)
    assert seen.usual_ms == pytest.approx(1.2, abs=0.02)
    assert str(seen).startswith("14% of the hops took more than 5.8 ms or came late, half of")


def test_hops_that_were_bridged_count_as_slow(board):
    """They are in the histogram as quick ones: the model did not run."""
    assert watch(board, *[1.2] * 21, missed=3).share == pytest.approx(3 / 21)


@pytest.mark.parametrize(
    "times",
    [
        [1.2] * 21,
        [5.0] * 21,  # slow, but all in time
        [1.2] * 20 + [5.5],
        [9.0],  # hardly any: the stream has stopped
    ],
)
def test_other_hops_are_not(board, times):
    assert watch(board, *times) is None


def test_one_hiccup_is_not_enough(board):
    window = HopWindow(board)
    for look in range(2 * LOOKS):
        board.hop_hist[120] += 21
        if look == LOOKS:
            board.hop_hist[2000] += 1  # 20 ms
            board.header[b.LATE_HOPS] += 2
        assert window.look() is None


def test_nothing_is_said_before_the_window_is_full(board):
    assert watch(board, *[9.0] * 21, looks=LOOKS - 1) is None
    window = HopWindow(board)
    for _ in range(LOOKS):
        board.hop_hist[900] += 21
        seen = window.look()
    assert seen is not None
    window.forget()
    assert window.look() is None
