"""Missing hops are bridged by the last masks: a muted stem stays muted, then dry, without a click."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rtstem.latency import FADE_FRAMES
from rtstem.rt import board as b
from tests.flow.clocked import by_the_clock, hear
from tests.flow.conftest import RATE, STEMS
from tests.flow.test_exact import DIRECT
from tests.models import DEFAULT_GAINS, tiny_model

MUTED = {"faders": {"vocals": 0.0}}
LEVEL, VOCALS = 0.5, DEFAULT_GAINS[0]
BLOCK = 256
VARYING = {"memory_mix": (0.2, -0.2, 0.1, -0.1), "leak": 0.9}


def lose(*hops: tuple[int, int], hop: int = 512, block: int = BLOCK):
    """Moves for `play`: `count` hops of the input from hop `first` on never come; gaps must lie
    a hop and two blocks apart, because the engine is told of one at a time."""

    def at(first: int, count: int):
        def move(engine):
            h = engine._board.header
            h[b.LOST_FROM], h[b.LOST_UNTIL] = first * hop, (first + count) * hop

        return move

    return {first * hop - hop - block: at(first, count) for first, count in hops}


def late(limit: float = 500, **more):
    return MUTED | {"realtime": {"conceal_ms": limit}} | more


@pytest.mark.parametrize("block", [64, 256, 480, 2048])
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"hop": 128, "fft_size": 1024},
        {"hop": 256, "synthesis_size": 1024},
        {"lookahead_hops": 2},
        {"domain": "waveform", "hop": 256},
        {"fft_size": 1536},
    ],
)
def test_held_stems_are_the_right_ones_at_the_right_place(play, noise, tmp_path, shape, block):
    """The tiny model's masks are always the same: what is held must equal what was missed."""
    model, hop = tiny_model(tmp_path / "m.onnx", **shape), shape.get("hop", 512)
    gaps = [(50, 14)] if block == 2048 else [(30, 1), (44, 2), (60, 3), (76, 8)]
    moves = lose(*gaps, hop=hop, block=block)
    take = play(noise, model=model, config=late(), moves=moves, block=block)
    seen = take.engine.snapshot()
    assert seen.late_hops == 14
    assert seen.concealed_blocks > 0
    assert seen.missed_blocks == 0
    np.testing.assert_allclose(take.bus(0), (1 - VOCALS) * noise, atol=2e-6)


def test_unity_and_the_sum_of_the_stems_are_exact_while_held(play, noise, tmp_path):
    model = tiny_model(tmp_path / "m.onnx", **VARYING)
    config = {"buses": DIRECT}
    take = play(noise, model=model, config=config, moves=lose((30, 1), (40, 5), (60, 12)))
    assert take.engine.snapshot().concealed_blocks > 0
    assert np.array_equal(take.bus(0), noise)
    total = sum(take.bus(n) for n in range(1, len(STEMS) + 1))
    np.testing.assert_allclose(total, noise, atol=2e-6)


def test_held_stems_begin_where_the_good_ones_ended(play, noise, tmp_path):
    """Masks that change: the error of the held ones must rise from 0 and go back to 0, as the
    windows do, and not begin with a step."""
    model = tiny_model(tmp_path / "m.onnx", **VARYING)
    good = play(noise, model=model, config=late()).bus(0)
    held = play(noise, model=model, config=late(), moves=lose((40, 3))).bus(0)
    error = np.abs(held - good).max(axis=1)
    first = 39 * 512  # the hop of output that needs input hop 40
    assert error[:first].max() < 1e-6
    assert error[first + 256 : first + 512].max() > 1e-2  # there is something to hear
    assert error[first : first + 16].max() < 1e-3
    assert np.abs(np.diff(held - good, axis=0))[first - 4 : first + 4].max() < 1e-3


def test_past_the_limit_the_dry_signal_comes_without_a_click_and_then_the_stems(play):
    tone = np.full((2 * RATE, 2), LEVEL, np.float32)
    take = play(tone, config=late(100), moves=lose((60, 40)))
    mix, seen = take.bus(0)[8192:-4096, 0], take.engine.snapshot()
    muted = LEVEL * (1 - VOCALS)
    assert seen.concealed_blocks > 0
    assert seen.missed_blocks > 0
    dry = np.flatnonzero(mix > LEVEL - 1e-6)
    first, last = dry[0] + 8192, dry[-1] + 8192
    gap = 59 * 512
    assert gap + 0.1 * RATE <= first <= gap + 0.1 * RATE + 512
    assert last == pytest.approx(gap + 41 * 512, abs=2)  # one more for the overlap
    steps = np.abs(np.diff(mix))
    assert steps[: last - 8192 - 1].max() < 1e-3  # -60 dB
    assert steps.max() <= (LEVEL - muted) / FADE_FRAMES * 1.05
    np.testing.assert_allclose(mix[-4096:], muted, atol=1e-4)


@pytest.mark.parametrize("limit", [0, 500])
def test_the_switch(play, noise, limit):
    take = play(noise, config=late(limit), moves=lose((40, 4)))
    seen = take.engine.snapshot()
    assert (seen.concealed_blocks > 0) == (limit > 0)
    assert (seen.missed_blocks > 0) == (limit == 0)


@pytest.mark.parametrize(("seconds", "length"), [(0.08, 0.3), (0.2, 0.1), (0.3, 0.03)])
@by_the_clock
def test_a_thread_that_hangs_leaves_a_muted_voice_muted(play, noise, seconds, length):
    def stall(engine):
        hear(engine, 0.5)
        engine._board.header[b.STALL_NS] = int(seconds * 1e9)
        hear(engine, length)
        engine._board.header[b.STALL_NS] = 0

    audio = np.tile(noise, (2, 1))
    take = play(audio, config=late(latency={"safety_hops": 4}), lockstep=False, during=stall)
    seen = take.engine.snapshot()
    assert seen.concealed_blocks > 0
    np.testing.assert_allclose(take.bus(0)[8192:], (1 - VOCALS) * audio[8192:], atol=1e-5)


@by_the_clock
def test_a_model_that_is_too_slow_is_run_when_there_is_time_and_held_between(play, noise):
    """One and a half hops of time a hop: every one is heard with masks, some of them fresh."""

    def slow(engine):
        hear(engine, 0.3)
        engine._board.header[b.STALL_NS] = 17_000_000
        hear(engine, 1.0)
        engine._board.header[b.STALL_NS] = 0

    audio = np.tile(noise, (2, 1))
    take = play(audio, config=late(latency={"safety_hops": 1}), lockstep=False, during=slow)
    seen = take.engine.snapshot()
    assert seen.held_hops > 10
    assert seen.hops > 40
    assert seen.missed_blocks == 0
    np.testing.assert_allclose(take.bus(0)[8192:], (1 - VOCALS) * audio[8192:], atol=1e-5)


def test_a_model_that_fails_now_and_then_is_bridged(play, tmp_path):
    """Its memory overflows after some 60 hops, again and again; each time one hop is held."""
    model = tiny_model(tmp_path / "inf.onnx", memory_mix=(1e-38, -1e-38, 0, 0), leak=4.0)
    tone = np.full((2 * RATE, 2), LEVEL, np.float32)
    take = play(tone, model=model, config=late())
    seen = take.engine.snapshot()
    assert 2 <= seen.model_faults <= 4
    assert seen.missed_blocks == 0
    quiet = [slice(n * 512, (n + 20) * 512) for n in (10, 70, 130)]  # before the memory is heard
    for part in quiet[:1]:
        np.testing.assert_allclose(take.bus(0)[part], LEVEL * (1 - VOCALS), atol=1e-3)
    assert np.isfinite(take.out).all()


def test_stems_recorded_over_a_gap_in_one_piece(play, noise):
    """Gaps of every length up to 6 hops, one after the other, in blocks that do not fit the hop."""
    starts = itertools.accumulate(range(1, 7), lambda at, count: at + count + 6, initial=20)
    moves = lose(*zip(starts, range(1, 7), strict=False))
    take = play(noise, config=late(), moves=moves, block=100)
    assert take.engine.snapshot().late_hops == 21
    np.testing.assert_allclose(take.bus(0), (1 - VOCALS) * noise, atol=2e-6)
