"""Late hops, stalls and broken models without concealment (test_conceal.py has it): dry and aligned,
no click, constant delay, counted."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.errors import ModelError
from rtstem.latency import FADE_FRAMES
from rtstem.rt import board as b
from tests.flow.clocked import by_the_clock, hear
from tests.flow.conftest import RATE
from tests.models import tiny_model

LEVEL, VOCALS = 0.5, 0.4
MUTED = LEVEL * (1 - VOCALS)
DRY = {"realtime": {"conceal_ms": 0}}
WITHOUT_VOCALS = DRY | {"faders": {"vocals": 0.0}}


@pytest.fixture
def tone() -> np.ndarray:
    """Constant input: the mix is LEVEL when dry and MUTED with stems, anything between in a fade."""
    return np.full((2 * RATE, 2), LEVEL, np.float32)


def stall(seconds: float, length: float):
    def during(engine):
        hear(engine, 0.5)
        engine._board.header[b.STALL_NS] = int(seconds * 1e9)
        hear(engine, length)
        engine._board.header[b.STALL_NS] = 0

    return during


def steady(take) -> np.ndarray:
    """The mix without the ends, where the window has not filled or the input has ended."""
    return take.bus(0)[8192:-4096, 0]


@pytest.mark.parametrize(("seconds", "length"), [(0.08, 0.3), (0.2, 0.1), (1.2, 0.1)])
@by_the_clock
def test_stalls_give_the_dry_signal_without_a_click_and_recover(play, tone, seconds, length):
    take = play(tone, config=WITHOUT_VOCALS, lockstep=False, during=stall(seconds, length))
    mix, seen = steady(take), take.engine.snapshot()
    assert seen.missed_blocks > 0
    assert seen.late_hops > 0
    assert abs(mix.max() - LEVEL) < 1e-4  # dry was heard, never silence and never more
    assert mix.min() > MUTED - 1e-3
    assert np.abs(np.diff(mix)).max() <= (LEVEL - MUTED) / FADE_FRAMES * 1.05  # no click
    np.testing.assert_allclose(mix[-4096:], MUTED, atol=1e-3)  # stems again
    np.testing.assert_allclose(mix[:4096], MUTED, atol=1e-3)
    assert take.engine.error is None


@by_the_clock
def test_unity_stays_bit_for_bit_through_stalls(play, noise):
    take = play(np.tile(noise, (2, 1)), config=DRY, lockstep=False, during=stall(0.15, 0.3))
    assert take.engine.snapshot().missed_blocks > 0
    assert np.array_equal(take.bus(0), take.audio)


def test_a_model_that_overflows_is_reset_and_told(play, tone, tmp_path):
    """Its memory grows fourfold a hop: infinite after some 60 hops, then again and again."""
    model = tiny_model(tmp_path / "inf.onnx", memory_mix=(1e-38, -1e-38, 0, 0), leak=4.0)
    take = play(tone, model=model, config=WITHOUT_VOCALS)
    seen = take.engine.snapshot()
    assert np.isfinite(take.out).all()
    assert 2 <= seen.model_faults <= 4
    assert seen.missed_blocks > 0
    told = take.engine.notices
    assert any("not finite" in line for line in told)
    assert not any("\n" in line for line in told)
    assert abs(take.bus(0)[12 * 512, 0] - MUTED) < 1e-3  # stems before the first overflow


def test_a_model_that_is_broken_from_the_start_is_refused(play, tone, tmp_path):
    model = tiny_model(tmp_path / "nan.onnx", gains=(float("nan"), 0.3, 0.2, 0.1))
    with pytest.raises(ModelError, match="rtstem models check"):
        play(tone, model=model)


def test_non_finite_input_is_silenced_and_counted(play, noise):
    noise = noise.copy()
    noise[1000, 0], noise[2000, 1], noise[3000] = np.nan, np.inf, -np.inf
    take = play(noise)
    clean = np.where(np.isfinite(noise), noise, 0)
    assert np.array_equal(take.bus(0), clean)
    assert take.engine.snapshot().nonfinite in (0, 4)  # 0 where the file reader cleans already


@pytest.mark.parametrize("lookahead", [1, 3])
@by_the_clock
def test_dropped_hops_do_not_shift_the_stems_of_a_model_that_looks_ahead(
    play, noise, tmp_path, lookahead
):
    """Hops that went through the model's own delay line beside a gap must not be heard."""
    model = tiny_model(tmp_path / "ahead.onnx", lookahead_hops=lookahead)
    config = WITHOUT_VOCALS
    audio = np.tile(noise, (3, 1))
    take = play(audio, model=model, config=config, lockstep=False, during=stall(0.1, 0.2))
    assert take.engine.snapshot().late_hops > 0
    # every frame is dry, without vocals, or a fade between the two: never another moment's stem
    mix, loud = take.bus(0), np.abs(audio) > 0.02
    share = mix[loud] / audio[loud]
    assert share.min() > 1 - VOCALS - 1e-3
    assert share.max() < 1 + 1e-3


@by_the_clock
def test_dropped_hops_do_not_shift_the_stems(play, noise):
    """After a drop the stems must again line up with the dry signal: muting all gives silence."""
    silent = dict.fromkeys(("vocals", "drums", "bass", "other"), 0.0)
    config, audio = DRY | {"faders": silent}, np.tile(noise, (3, 1))
    take = play(audio, config=config, lockstep=False, during=stall(0.1, 0.2))
    assert take.engine.snapshot().late_hops > 0
    assert np.abs(take.bus(0)[-RATE:]).max() < 1e-5
