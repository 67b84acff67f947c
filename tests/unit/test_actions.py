"""The action table: every control by name, in step with the desk whatever is done."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.errors import ConfigError
from tests.desk_rig import CUE, STEMS, Rig


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_names_cover_stems_buses_and_desk(rig: Rig) -> None:
    for name in (
        "stem.vocals.gain", "stem.drums.filter", "stem.bass.mute", "stem.other.solo_only",
        "stem.vocals.kill", "bus.cue.drums.gain", "bus.cue.gain", "master.gain", "bypass",
        "preset.acapella", "panic", "undo", "snapshot.8.recall",
    ):  # fmt: skip
        assert name in rig.table
        assert rig.table[name].label


def test_defaults_are_what_a_new_desk_shows(rig: Rig) -> None:
    for name, value in rig.table.values().items():
        assert value == rig.table[name].default


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("stem.vokals.gain", 0.5, "stem.vocals.gain"),
        ("stem.vocals.gain", float("nan"), "from 0 to 1"),
        ("stem.vocals.gain", 1.5, "from 0 to 1"),
        ("snapshot.3.recall", 1.0, "store it first"),
    ],
)
def test_what_cannot_be_done_is_one_line(rig: Rig, name: str, value: float, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        rig.table.apply(name, value)
    assert "\n" not in str(caught.value)


def test_kill_cuts_and_gives_back_what_was_set(rig: Rig) -> None:
    rig.table.apply("stem.vocals.gain", 0.5)
    before = rig.engine[-1].gains
    rig.table.apply("stem.vocals.kill", 1.0)
    assert rig.engine[-1].gains["vocals"] == 0.0
    rig.table.apply("stem.vocals.kill", 0.0)
    assert rig.engine[-1].gains == before


def test_exclusive_solo_replaces_others(rig: Rig) -> None:
    rig.table.apply("stem.drums.solo", 1.0)
    rig.table.apply("stem.bass.solo", 1.0)
    rig.table.apply("stem.vocals.solo_only", 1.0)
    assert [s for s, g in rig.engine[-1].gains.items() if g] == ["vocals"]
    assert rig.table.value("stem.drums.solo") == 0.0


def test_filter_knob_has_a_centre_that_is_exactly_off(rig: Rig) -> None:
    for value in (0.5, 0.51, 0.49):
        rig.table.apply("stem.drums.filter", value)
        assert rig.engine[-1].filters["drums"] == 0.0
    rig.table.apply("stem.drums.filter", 0.0)
    assert rig.engine[-1].filters["drums"] == -1.0
    rig.table.apply("stem.drums.filter", 1.0)
    assert rig.engine[-1].filters["drums"] == 1.0
    rig.table.apply("bypass", 1.0)
    assert rig.engine[-1].filters["drums"] == 0.0


def test_a_bus_has_the_configured_gain_at_its_start_and_its_own_faders(rig: Rig) -> None:
    gains = rig.engine[0].bus_gains["cue"]
    assert gains["vocals"] == 1.0
    assert gains["drums"] == pytest.approx(0.5)
    assert gains["bass"] == 0.0
    rig.table.apply("bus.cue.bass.gain", 1.0)
    assert rig.engine[-1].bus_gains["cue"]["bass"] == 1.0
    assert rig.engine[-1].gains["bass"] == 1.0  # the desk's buses do not move


def test_bus_faders_moved_from_two_threads_never_go_back(rig: Rig) -> None:
    start = threading.Barrier(2)
    told: list[dict[str, float]] = []
    rig.table.subscribe(lambda changed: told.append(dict(changed)))
    names = [f"bus.cue.{stem}.gain" for stem in STEMS[2:]]

    def sweep(name: str) -> None:
        start.wait()
        for step in range(1, 501):
            rig.table.apply(name, step / 500)

    threads = [threading.Thread(target=sweep, args=(name,)) for name in names]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # change places as often as Python can
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for name in names:
        moves = [changed[name] for changed in told if name in changed]
        assert moves == [step / 500 for step in range(1, 501)]


def test_triggers_fire_from_half_up_and_show_the_preset_in_force(rig: Rig) -> None:
    rig.table.apply("preset.acapella", 0.49)
    assert rig.table.value("preset.acapella") == 0.0
    rig.table.apply("preset.acapella", 0.5)
    assert rig.table.value("preset.acapella") == 1.0
    assert rig.shown["preset.acapella"] == 1.0
    rig.table.apply("stem.bass.gain", 0.1)
    assert rig.shown["preset.acapella"] == 0.0


def test_a_broken_surface_harms_no_other(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_values: object) -> None:
        raise RuntimeError("surface")

    heard: list[object] = []
    rig.table.subscribe(broken)
    rig.table.subscribe(heard.append)
    rig.table.apply("master.gain", 0.5)
    assert heard == [{"master.gain": 0.5}]
    assert "control surface failed" in caplog.text


NAMES = ActionTable(Desk(STEMS, {}, lambda _: None, buses=CUE)).names


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([0.0, 0.3, 0.5, 1.0])), max_size=30)
)
def test_any_performance_keeps_everybody_in_step(moves: list[tuple[str, float]]) -> None:
    rig = Rig()
    for name, value in moves:
        with suppress(ConfigError):  # an empty snapshot
            rig.table.apply(name, value)
        state = rig.engine[-1]
        assert all(0.0 <= gain <= 1.0 for gain in state.gains.values())
        assert all(-1.0 <= knob <= 1.0 for knob in state.filters.values())
    rig.desk.tick(now=1e12)
    assert rig.shown == rig.table.values()
    rig.table.apply("panic", 1.0)
    assert rig.shown == {n: rig.table[n].default for n in NAMES}
    assert rig.engine[-1].gains == dict.fromkeys(STEMS, 1.0)
