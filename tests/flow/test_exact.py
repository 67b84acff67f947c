"""All faders up is the input; muted stems are subtracted; buses are aligned; streaming is offline."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.rt.separator import Separator
from tests.flow.conftest import STEMS
from tests.models import DEFAULT_GAINS, tiny_model

DIRECT = {
    "main": {"channels": [1, 2]},
    **{
        stem: {"channels": [2 * n + 3, 2 * n + 4], "gains": {stem: 1.0}}
        for n, stem in enumerate(STEMS)
    },
}


@pytest.mark.parametrize("block", [16, 100, 128, 256, 480, 1024, 4096])
def test_unity_is_the_input_bit_for_bit_at_the_declared_delay(play, noise, block):
    take = play(noise, block=block)
    assert np.array_equal(take.bus(0), noise)
    assert (take.out[: take.delay] == 0).all()
    assert take.engine.snapshot().missed_blocks == 0
    assert take.engine.error is None


@pytest.mark.parametrize(
    "shape",
    [
        {"hop": 128, "fft_size": 1024},
        {"hop": 256, "synthesis_size": 1024},
        {"lookahead_hops": 2},
        {"domain": "waveform", "hop": 256},
    ],
)
def test_every_geometry_declares_its_true_delay(play, noise, tmp_path, shape):
    model = tiny_model(tmp_path / "other.onnx", **shape)
    take = play(noise, model=model, config={"buses": DIRECT})
    assert np.array_equal(take.bus(0), noise)
    for n, gain in enumerate(DEFAULT_GAINS):
        np.testing.assert_allclose(take.bus(n + 1), gain * noise, atol=2e-6)


def test_muted_stem_is_subtracted_and_the_rest_untouched(play, noise):
    take = play(noise, config={"faders": {"vocals": 0.0}})
    np.testing.assert_allclose(take.bus(0), (1 - DEFAULT_GAINS[0]) * noise, atol=1e-6)


def test_stem_buses_are_aligned_and_sum_to_the_input(play, noise, tmp_path):
    model = tiny_model(tmp_path / "memory.onnx", memory_mix=(0.2, -0.2, 0.1, -0.1))
    take = play(noise, model=model, config={"buses": DIRECT})
    total = sum(take.bus(n) for n in range(1, 5))
    np.testing.assert_allclose(total, noise, atol=2e-6)


def test_streaming_through_the_engine_equals_the_offline_separator(play, noise, tmp_path):
    model = tiny_model(tmp_path / "memory.onnx", memory_mix=(0.2, -0.2, 0.1, -0.1))
    take = play(noise, model=model, config={"buses": DIRECT})
    separator = Separator(take.engine.spec)
    hop, delay = take.engine.spec.hop, separator.delay_frames
    padded = np.zeros((-(-(len(noise) + delay) // hop) * hop, 2), np.float32)
    padded[: len(noise)] = noise
    stems = separator.process(padded)[:, delay : delay + len(noise)]
    for n in range(4):
        np.testing.assert_allclose(take.bus(n + 1), stems[n], atol=2e-6)


def test_the_future_changes_nothing(play, noise):
    change = len(noise) // 2
    other = noise.copy()
    other[change:] = 0.9
    config = {"faders": {"vocals": 0.0}}
    first, second = play(noise, config=config), play(other, config=config)
    heard = change + first.delay - first.engine.spec.synthesis_size
    assert np.array_equal(first.out[:heard], second.out[:heard])
    later = change + first.delay + 64
    assert not np.array_equal(first.out[:later], second.out[:later])


def test_runs_in_lockstep_are_deterministic(play, noise):
    config = {"faders": {"drums": 0.5}}
    assert np.array_equal(play(noise, config=config).out, play(noise, config=config).out)
