"""The demo's script: its times, its moves on a real desk, and the gain curve made from them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtstem.control.desk import Desk
from rtstem.demo import _gain_curve
from rtstem.demo_script import SCRIPT_SECONDS, ScriptPlayer, make_script
from rtstem.engine import SLEW_FRAMES

STEMS = ("vocals", "drums", "bass", "other")
RATE = 44100


def make_desk(stems=STEMS) -> Desk:
    return Desk(stems, {}, lambda _gains: None)


def played_through(stems=STEMS, seconds=SCRIPT_SECONDS, tick=0.005) -> ScriptPlayer:
    """The script at a clock that advances with every look at the desk, as a real one would."""
    desk = make_desk(stems)
    time = 0.0
    player = ScriptPlayer(desk, make_script(stems, desk.presets, seconds), lambda: time)
    for n in itertools.count(1):
        time = n * tick
        if player.step() >= seconds:
            return player
    raise AssertionError


def test_sections_follow_each_other_without_gap():
    script = make_script(STEMS, make_desk().presets, 12.0)
    assert script[0].start == 0.0
    assert script[-1].end == 12.0
    assert all(a.end == b.start for a, b in itertools.pairwise(script))


def test_every_section_leaves_the_faders_it_promises():
    gains = {part.section.name: part.gains for part in played_through().played}
    up = dict.fromkeys(STEMS, 1.0)
    assert gains["all up"] == gains["all up again"] == up
    assert gains["vocals down"] == gains["instrumental"] == up | {"vocals": 0.0}
    assert gains["a cappella"] == dict.fromkeys(STEMS, 0.0) | {"vocals": 1.0}
    assert gains["drums only"] == dict.fromkeys(STEMS, 0.0) | {"drums": 1.0}
    assert gains["no drums"] == up | {"drums": 0.0}


def test_vocals_fade_in_small_steps_and_nothing_else_moves():
    states = [(t, s) for t, s in played_through().states if 4.0 <= t < 6.02]
    positions = [state.faders["vocals"] for _, state in states]
    assert len(positions) == 100
    assert np.all(np.diff(positions) < 0.0)
    assert np.max(np.abs(np.diff(positions))) < 0.03
    assert all(state.faders[stem] == 1.0 for _, state in states for stem in STEMS[1:])


def test_faders_coming_back_never_dip():
    states = [state for time, state in played_through().states if time >= 20.0]
    assert all(state.faders["vocals"] == 1.0 for state in states)


@pytest.mark.parametrize("stems", [("vocals", "accompaniment"), ("left", "right"), ("drums",)])
def test_other_models_get_the_sections_that_they_allow(stems):
    player = played_through(stems, seconds=3.0)
    names = [part.section.name for part in player.played]
    assert ("a cappella" in names) == ("vocals" in stems)
    assert ("drums only" in names) == ("drums" in stems)
    assert player.played[-1].gains == dict.fromkeys(stems, 1.0)


def test_late_player_ends_where_the_script_does():
    """A machine that sleeps through whole sections: no move of an old one comes after a new one."""
    player = played_through(tick=5.0)
    assert player.played[-1].gains == dict.fromkeys(STEMS, 1.0)


def test_gain_curve_meets_every_move_at_the_slope_of_the_engine():
    player = played_through()
    curve = _gain_curve(player, "vocals", round(SCRIPT_SECONDS * RATE), RATE)
    assert np.max(np.abs(np.diff(curve))) <= 1.01 / SLEW_FRAMES
    for part in player.played:
        settled = round((part.settled + 0.05) * RATE)
        assert curve[settled] == part.gains["vocals"]
