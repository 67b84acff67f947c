"""The desk: what is heard after every combination of controls, and who is told."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtstem.control.desk import Desk, DeskState, fader_gain
from rtstem.errors import ConfigError

STEMS = ("vocals", "drums", "bass", "other")


class Recorder:
    """A desk together with all that it told the engine and the surfaces."""

    def __init__(self, **options: object) -> None:
        self.engine: list[DeskState] = []
        self.states: list[DeskState] = []
        presets = options.pop("presets", {})
        self.desk = Desk(STEMS, presets, self.engine.append, **options)
        self.desk.subscribe(self.states.append)

    def heard(self) -> tuple[float, ...]:
        told = self.engine[-1]
        assert told.gains == self.desk.state().gains
        return tuple(told.gains[stem] * told.master_gain for stem in STEMS)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_taper_has_exact_ends_and_the_documented_scale() -> None:
    assert fader_gain(0.0) == 0.0
    assert fader_gain(1.0) == 1.0
    for position, decibels in ((2 / 3, -10.6), (0.5, -18.1), (0.2, -41.9), (0.1, -60.0)):
        assert 20 * math.log10(fader_gain(position)) == pytest.approx(decibels, abs=0.05)


@given(st.floats(0, 1), st.floats(0, 1))
def test_taper_is_monotonic_and_has_no_step(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= fader_gain(low) <= fader_gain(high) <= 1
    # no steeper than 3: one step of a 7-bit controller moves the gain by 0.024 at most
    assert fader_gain(high) - fader_gain(low) <= 3 * (high - low) + 1e-15


def test_new_desk_is_at_unity_and_says_so_once(recorder: Recorder) -> None:
    assert [state.gains for state in recorder.engine] == [dict.fromkeys(STEMS, 1.0)]
    assert recorder.desk.stems == STEMS
    assert recorder.states == []


def test_faders_at_the_start() -> None:
    recorder = Recorder(faders={"vocals": 0.0, "bass": 0.5})
    gains = {"vocals": 0.0, "drums": 1.0, "bass": 0.125, "other": 1.0}
    assert [state.gains for state in recorder.engine] == [gains]
    assert recorder.desk.get("bass") == 0.5


def test_fader_moves_only_its_stem(recorder: Recorder) -> None:
    recorder.desk.set("drums", 0.5)
    assert recorder.heard() == (1.0, 0.125, 1.0, 1.0)
    assert recorder.desk.get("drums") == 0.5
    recorder.desk.set("drums", 1)
    assert recorder.heard() == (1.0, 1.0, 1.0, 1.0)


def test_mute_keeps_the_fader(recorder: Recorder) -> None:
    desk = recorder.desk
    desk.set("bass", 0.5)
    desk.mute("bass")
    assert recorder.heard() == (1.0, 1.0, 0.0, 1.0)
    assert desk.get("bass") == 0.5
    desk.mute("bass", True)
    assert recorder.heard()[2] == 0.0
    desk.mute("bass")
    assert recorder.heard()[2] == 0.125


def test_solo_is_additive_and_mute_wins(recorder: Recorder) -> None:
    desk = recorder.desk
    desk.solo("vocals")
    assert recorder.heard() == (1.0, 0.0, 0.0, 0.0)
    desk.solo("drums", True)
    assert recorder.heard() == (1.0, 1.0, 0.0, 0.0)
    desk.mute("drums", True)
    assert recorder.heard() == (1.0, 0.0, 0.0, 0.0)
    desk.solo("vocals", False)
    assert recorder.heard() == (0.0, 0.0, 0.0, 0.0)
    desk.solo("drums", False)
    assert recorder.heard() == (1.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        ("acapella", (1.0, 0.0, 0.0, 0.0)),
        ("instrumental", (0.0, 1.0, 1.0, 1.0)),
        ("drums_only", (0.0, 1.0, 0.0, 0.0)),
        ("no_drums", (1.0, 0.0, 1.0, 1.0)),
    ],
)
def test_builtin_preset_is_heard_whatever_was_set(
    recorder: Recorder, name: str, heard: tuple[float, ...]
) -> None:
    desk = recorder.desk
    for stem in STEMS:
        desk.set(stem, 0.3)
        desk.mute(stem, True)
    desk.solo("other", True)
    desk.bypass(True)
    desk.preset(name)
    assert recorder.heard() == heard
    assert desk.state().preset == name


def test_user_preset_moves_only_the_stems_it_names() -> None:
    recorder = Recorder(presets={"calm": {"drums": 0.5, "bass": 1.0}})
    desk = recorder.desk
    desk.mute("vocals", True)
    desk.mute("bass", True)
    desk.set("other", 0.0)
    desk.preset("calm")
    assert recorder.heard() == (0.0, 0.125, 1.0, 0.0)
    assert desk.presets == ("acapella", "instrumental", "drums_only", "no_drums", "calm")


def test_user_preset_replaces_the_builtin_of_its_name() -> None:
    recorder = Recorder(presets={"instrumental": {"vocals": 0.5}})
    recorder.desk.preset("instrumental")
    assert recorder.heard() == (0.125, 1.0, 1.0, 1.0)


def test_presets_fit_the_stems() -> None:
    assert Desk(("vocals", "rest"), {}, lambda gains: None).presets == ("acapella", "instrumental")


def test_preset_name_is_shown_until_it_no_longer_holds(recorder: Recorder) -> None:
    desk = recorder.desk
    for change in (
        lambda: desk.set("bass", 0.3),
        lambda: desk.mute("bass"),
        lambda: desk.solo("bass"),
        lambda: desk.panic(),
    ):
        desk.preset("acapella")
        desk.master(0.5)
        assert desk.state().preset == "acapella"
        change()
        assert desk.state().preset is None


def test_master_scales_all_and_bypass_leaves_it_in_force(recorder: Recorder) -> None:
    desk = recorder.desk
    desk.set("vocals", 0.0)
    desk.mute("drums")
    desk.solo("bass")
    desk.master(0.5)
    assert recorder.heard() == (0.0, 0.0, 0.125, 0.0)
    desk.bypass(True)
    assert recorder.heard() == (0.125,) * 4
    desk.bypass(False)
    assert recorder.heard() == (0.0, 0.0, 0.125, 0.0)


def test_panic_gives_the_input_back(recorder: Recorder) -> None:
    desk = recorder.desk
    desk.preset("acapella")
    desk.mute("vocals")
    desk.solo("bass")
    desk.bypass(True)
    desk.master(0.0)
    desk.panic()
    state = desk.state()
    assert recorder.heard() == (1.0,) * 4
    assert state == DeskState(STEMS, dict.fromkeys(STEMS, 1.0))


def test_only_changes_are_told(recorder: Recorder) -> None:
    desk = recorder.desk
    desk.set("vocals", 1.0)
    desk.mute("vocals", False)
    desk.panic()
    assert (len(recorder.engine), len(recorder.states)) == (1, 0)
    desk.mute("vocals", True)
    desk.set("vocals", 0.5)  # seen, but not heard
    assert (len(recorder.engine), len(recorder.states)) == (2, 2)
    assert recorder.states[-1] is desk.state()


def test_state_is_a_snapshot_that_cannot_be_changed(recorder: Recorder) -> None:
    before = recorder.desk.state()
    recorder.desk.set("vocals", 0.0)
    assert before.faders["vocals"] == 1.0
    assert before.gains["vocals"] == 1.0
    with pytest.raises(TypeError):
        before.faders["vocals"] = 0.5  # type: ignore[index]
    with pytest.raises(AttributeError):
        before.master = 0.5  # type: ignore[misc]


def test_unsubscribed_surface_hears_nothing_more(recorder: Recorder) -> None:
    seen: list[DeskState] = []
    stop = recorder.desk.subscribe(seen.append)
    recorder.desk.mute("vocals")
    stop()
    stop()
    recorder.desk.mute("vocals")
    assert len(seen) == 1
    assert len(recorder.states) == 2


def test_broken_surface_does_not_stop_the_others(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    desk = recorder.desk
    late: list[DeskState] = []

    def broken(state: DeskState) -> None:
        raise OSError("unplugged")

    desk.subscribe(broken)
    desk.subscribe(late.append)
    desk.set("vocals", 0.0)
    desk.set("vocals", 1.0)
    assert len(late) == 2
    assert "unplugged" in caplog.text


def test_surface_that_answers_with_a_move_leaves_all_with_the_last_state(
    recorder: Recorder,
) -> None:
    desk = recorder.desk
    late: list[DeskState] = []

    def linked(state: DeskState) -> None:
        desk.set("bass", state.faders["drums"])

    desk.subscribe(linked)
    desk.subscribe(late.append)
    desk.set("drums", 0.5)
    assert recorder.heard() == (1.0, 0.125, 0.125, 1.0)
    assert [state.faders["bass"] for state in late] == [1.0, 0.5]
    assert late[-1] == desk.state()


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """Threads that change places as often as Python can, so that a missing lock shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_moves_from_many_threads_are_told_in_order(busy_switching: None) -> None:
    recorder = Recorder()
    desk = recorder.desk
    start = threading.Barrier(4)

    def move(stem: str) -> None:
        start.wait()
        for step in range(1, 201):
            desk.set(stem, step / 400)

    threads = [threading.Thread(target=move, args=(stem,)) for stem in STEMS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorder.states) == 800
    assert recorder.heard() == (0.125,) * 4
    for stem in STEMS:
        moves = [state.faders[stem] for state in recorder.states if state.faders[stem] < 1]
        assert moves == sorted(moves)


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf, "loud", None])
def test_position_outside_the_fader_is_refused(recorder: Recorder, value: float) -> None:
    with pytest.raises(ConfigError, match="fader vocals: must be a number from 0 to 1, not "):
        recorder.desk.set("vocals", value)
    with pytest.raises(ConfigError, match="master: must be a number from 0 to 1, not "):
        recorder.desk.master(value)
    assert recorder.heard() == (1.0,) * 4


def test_unknown_stem_names_the_stems(recorder: Recorder) -> None:
    sentence = r"stem 'vocal': no such stem \(did you mean 'vocals'\?\); allowed: vocals, drums, "
    desk = recorder.desk
    for call in (desk.get, desk.mute, desk.solo, lambda stem: desk.set(stem, 0.5)):
        with pytest.raises(ConfigError, match=sentence):
            call("vocal")
    with pytest.raises(ConfigError, match=sentence):
        Recorder(presets={"x": {"vocal": 1.0}})
    with pytest.raises(ConfigError, match=sentence):
        Recorder(faders={"vocal": 1.0})


def test_unknown_preset_names_the_presets(recorder: Recorder) -> None:
    with pytest.raises(ConfigError, match="allowed: acapella, instrumental, drums_only, no_drums"):
        recorder.desk.preset("karaoke")


CONTROLS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(STEMS), st.sampled_from([0.0, 0.5, 1.0])),
    st.tuples(st.sampled_from(["mute", "solo"]), st.sampled_from(STEMS)),
    st.tuples(st.just("preset"), st.sampled_from(["acapella", "no_drums"])),
    st.tuples(st.just("bypass"), st.booleans()),
    st.tuples(st.just("master"), st.sampled_from([0.5, 1.0])),
    st.tuples(st.just("panic")),
)


@given(st.lists(CONTROLS, max_size=20))
def test_any_performance_ends_in_unity_after_panic(moves: list[tuple[object, ...]]) -> None:
    recorder = Recorder()
    for name, *arguments in moves:
        getattr(recorder.desk, str(name))(*arguments)
        assert all(0.0 <= gain <= 1.0 for gain in recorder.heard())
    recorder.desk.panic()
    assert recorder.heard() == (1.0,) * 4
