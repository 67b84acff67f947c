"""Undo, snapshots and their fades, through the action table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtstem.control import desk_memory
from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.desk_memory import GESTURE_SECONDS
from rtstem.errors import ConfigError
from tests.desk_rig import CUE, STEMS, Rig

NAMES = ActionTable(Desk(STEMS, {}, lambda _: None, buses=CUE)).names


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture(scope="module", autouse=True)
def no_pause() -> Iterator[None]:
    """However long the machine stands still between two moves, one gesture remains one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk_memory, "GESTURE_SECONDS", math.inf)
        yield


def test_snapshot_fades_over_its_time_and_a_hand_wins(rig: Rig) -> None:
    desk, table = rig.desk, rig.table
    table.apply("stem.vocals.gain", 0.0)
    table.apply("stem.drums.gain", 0.0)
    table.apply("snapshot.1.store", 1.0)
    desk.panic()
    desk.fade_seconds = 2.0
    desk.recall(1, now=10.0)
    assert desk.fading
    desk.tick(now=11.0)
    assert table.value("stem.vocals.gain") == pytest.approx(0.5)
    table.apply("stem.drums.gain", 0.9)
    desk.tick(now=13.0)
    assert not desk.fading
    assert table.value("stem.vocals.gain") == 0.0
    assert table.value("stem.drums.gain") == 0.9


def test_undo_goes_back_one_gesture_and_forth_again(rig: Rig) -> None:
    rig.table.apply("stem.bass.mute", 1.0)
    for value in (0.9, 0.8, 0.7):  # one gesture
        rig.table.apply("stem.vocals.gain", value)
    rig.table.apply("undo", 1.0)
    assert rig.table.value("stem.vocals.gain") == 1.0
    assert rig.table.value("stem.bass.mute") == 1.0
    rig.table.apply("undo", 1.0)
    assert rig.table.value("stem.vocals.gain") == 0.7


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that undo sees, at the end of a list."""
    monkeypatch.setattr(desk_memory, "GESTURE_SECONDS", GESTURE_SECONDS)
    times = [100.0]
    monkeypatch.setattr(desk_memory.time, "monotonic", lambda: times[-1])
    return times


def test_a_pause_ends_a_gesture(rig: Rig, clock: list[float]) -> None:
    for value, pause in ((0.9, 0.4), (0.8, 0.4), (0.7, 0.6), (0.6, 0.4), (0.5, 0.0)):
        rig.table.apply("stem.vocals.gain", value)
        clock.append(clock[-1] + pause)
    rig.table.apply("undo", 1.0)
    assert rig.table.value("stem.vocals.gain") == 0.7


def test_a_kill_is_neither_undone_nor_remembered(rig: Rig) -> None:
    table = rig.table
    table.apply("master.gain", 0.5)
    table.apply("stem.vocals.kill", 1.0)
    table.apply("snapshot.1.store", 1.0)
    table.apply("stem.vocals.kill", 0.0)
    table.apply("undo", 1.0)
    assert (table.value("master.gain"), table.value("stem.vocals.kill")) == (1.0, 0.0)
    rig.desk.fade_seconds = 0.0
    table.apply("stem.drums.kill", 1.0)
    table.apply("snapshot.1.recall", 1.0)
    assert (table.value("stem.vocals.kill"), table.value("stem.drums.kill")) == (0.0, 1.0)
    assert table.value("master.gain") == 0.5


def fading(rig: Rig) -> None:
    """A fade of 2 s, from 10 to 12, to vocals at 0.2; halfway at the end."""
    rig.table.apply("stem.vocals.gain", 0.2)
    rig.desk.store(1)
    rig.table.apply("stem.vocals.gain", 1.0)
    rig.table.apply("stem.drums.gain", 0.4)
    rig.desk.fade_seconds = 2.0
    rig.desk.recall(1, now=10.0)
    rig.desk.tick(now=11.0)
    assert rig.table.value("stem.vocals.gain") == pytest.approx(0.6)
    assert rig.table.value("stem.drums.gain") == pytest.approx(0.7)


def stems(rig: Rig) -> tuple[float, float]:
    return rig.table.value("stem.vocals.gain"), rig.table.value("stem.drums.gain")


def test_undo_takes_a_whole_recall_back(rig: Rig) -> None:
    fading(rig)
    rig.table.apply("undo", 1.0)
    assert not rig.desk.fading
    assert stems(rig) == (1.0, 0.4)
    rig.table.apply("undo", 1.0)  # forth: to where the recall was going
    assert stems(rig) == (0.2, 1.0)
    rig.table.apply("undo", 1.0)
    assert stems(rig) == (1.0, 0.4)


def test_undo_in_a_fade_takes_back_the_hand_and_the_fade_goes_on(rig: Rig) -> None:
    fading(rig)
    rig.table.apply("stem.drums.gain", 0.1)
    rig.desk.tick(now=11.5)
    rig.table.apply("undo", 1.0)
    assert stems(rig) == pytest.approx((0.4, 0.7))
    rig.desk.tick(now=12.0)
    assert stems(rig) == pytest.approx((0.2, 0.7))
    rig.table.apply("undo", 1.0)
    assert stems(rig) == pytest.approx((0.2, 0.1))


def test_a_switch_recalled_comes_at_once_and_a_moment_before_the_start_is_the_start(
    rig: Rig,
) -> None:
    rig.table.apply("stem.bass.mute", 1.0)
    rig.table.apply("master.gain", 0.5)
    rig.desk.store(1)
    rig.desk.panic()
    rig.desk.recall(1, now=10.0)
    assert rig.table.value("stem.bass.mute") == 1.0
    rig.desk.tick(now=9.0)
    assert rig.table.value("master.gain") == 1.0


def test_panic_stops_a_fade(rig: Rig) -> None:
    fading(rig)
    rig.table.apply("panic", 1.0)
    rig.desk.tick(now=11.5)
    assert not rig.desk.fading
    assert rig.shown == {n: rig.table[n].default for n in NAMES}


def test_recall_of_what_is_set_already_is_no_change(rig: Rig) -> None:
    rig.table.apply("master.gain", 0.5)
    rig.desk.store(1)
    rig.desk.recall(1)
    assert not rig.desk.fading
    rig.table.apply("undo", 1.0)
    assert rig.table.value("master.gain") == 1.0


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_fade_without_length_is_a_jump(rig: Rig, seconds: float) -> None:
    fading(rig)
    rig.desk.fade_seconds = seconds
    rig.desk.recall(1)
    assert not rig.desk.fading
    assert stems(rig) == (0.2, 1.0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        min_size=1,
        max_size=30,
    )
)
def test_undo_restores_what_was_before_the_last_gesture(moves: list[tuple[str, float]]) -> None:
    rig = Rig()
    rig.desk.fade_seconds = 0.0
    before, gesture = rig.desk.state(), ""
    for name, value in moves:
        if name == "undo":
            continue
        old = rig.desk.state()
        with suppress(ConfigError):  # an empty snapshot
            rig.table.apply(name, value)
        if rig.desk.state() == replace(old, killed=rig.desk.state().killed) and "kill" in name:
            continue
        if rig.desk.state() != old and name != gesture:
            before, gesture = old, name
    after = rig.desk.state()
    rig.table.apply("undo", 1.0)
    assert rig.desk.state() == replace(before, killed=after.killed)
    assert rig.shown == rig.table.values()
    rig.table.apply("undo", 1.0)
    assert rig.desk.state() == after
    assert rig.shown == rig.table.values()
