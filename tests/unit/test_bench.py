"""`run_bench` measures the real stages; its advice follows from the numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from rtstem.bench import COLUMNS, machine_line, run_bench
from rtstem.bench_blocks import BLOCKS, MIXER, RING_READ, RING_WRITE, block_stages
from rtstem.bench_stages import (
    HOP_CPU,
    INFERENCE,
    INVERSE,
    STFT,
    WHOLE_HOP,
    WITHOUT_MODEL,
    StageTimes,
)
from rtstem.errors import ModelError
from rtstem.model_spec import read_model_spec
from tests.models import tiny_model


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tiny_model(tmp_path_factory.mktemp("bench") / "tiny.onnx")
    told: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rtstem.bench._TOO_SLOW", 1e3)  # one hop in which the machine stalls is a p99
        return run_bench(str(path), seconds=1.0, provider="cpu", progress=told.append), told


@pytest.fixture
def looks(report, tmp_path) -> Iterator[dict[str, float]]:
    """Medians of the callback's stages; again and again, as another program may slow some of them."""

    def look() -> Iterator[dict[str, float]]:
        yield {stage.stage: stage.p50 for stage in report[0].stages}
        spec = read_model_spec(tiny_model(tmp_path / "tiny.onnx"))
        for _ in range(9):
            yield {stage.stage: stage.p50 for stage in block_stages(spec)}

    return look()


def test_every_stage_is_there_and_ordered(report):
    names = [stage.stage for stage in report[0].stages]
    callbacks = [f"callback, {block} frames" for block in BLOCKS]
    around = [RING_WRITE, RING_READ, MIXER, *callbacks]
    assert names == [*around, STFT, INFERENCE, INVERSE, WITHOUT_MODEL, WHOLE_HOP, HOP_CPU]
    for stage in report[0].stages:
        assert 0 < stage.p50 <= stage.p99 <= stage.p999 <= stage.max, stage
        assert stage.count >= 80, stage


def test_the_parts_make_the_whole(report):
    median = {stage.stage: stage.p50 for stage in report[0].stages}
    parts = median[STFT] + median[INFERENCE] + median[INVERSE]
    assert median[WHOLE_HOP] == pytest.approx(parts, rel=0.3)
    assert median[WITHOUT_MODEL] == pytest.approx(median[STFT] + median[INVERSE], rel=0.3)


def test_a_larger_block_costs_more(looks):
    small, _, large = (f"callback, {block} frames" for block in BLOCKS)
    assert any(1.5 * look[small] < look[large] < 10 * look[small] for look in looks)


def test_the_mixer_is_a_part_of_the_callback(looks):
    callback = "callback, 128 frames"
    assert any(0.1 * look[callback] < look[MIXER] < look[callback] for look in looks)


def test_hops_are_paced_as_in_a_stream(report):
    result, _ = report
    hop_us = 1e6 * 512 / 44100
    assert result.hop_us == pytest.approx(hop_us, abs=0.1)
    assert result.stage(WHOLE_HOP).count == round(1e6 / hop_us)
    assert result.fits
    assert "fits" in result.verdict
    assert result.load == pytest.approx(result.stage(WHOLE_HOP).p50 / hop_us, abs=1e-3)


def test_progress_rises_to_one(report):
    _, told = report
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(told) > 2


def test_rows_and_json(report):
    result, _ = report
    assert all(len(row) == len(COLUMNS) for row in result.rows())
    data = json.loads(json.dumps(result.to_dict()))
    assert data["stages"][0]["stage"] == RING_WRITE
    assert data["provider"] == "CPUExecutionProvider"
    assert data["machine"] == machine_line()


def test_percentiles_are_in_microseconds():
    stage = StageTimes.of("x", np.arange(1, 100_002, dtype=np.int64) * 1000)
    assert (stage.p50, stage.p99, stage.p999, stage.max) == (50001.0, 99001.0, 99901.0, 100001.0)
    assert stage.count == 100_001


def test_a_long_enough_bench_is_what_latency_auto_goes_by(monkeypatch, tmp_path):
    kept = []
    monkeypatch.setattr("rtstem.bench.remember", lambda separator, tail: kept.append(tail))
    result = run_bench(str(tiny_model(tmp_path / "tiny.onnx")), seconds=0.1, provider="cpu")
    hop = result.stage(WHOLE_HOP)
    assert [(tail.p999_us, tail.count) for tail in kept] == [(hop.p999, hop.count)]


def test_an_unknown_model_is_a_model_error():
    with pytest.raises(ModelError, match="nowhere"):
        run_bench("nowhere", seconds=0.1)


def test_the_verdict_says_when_the_model_is_too_slow(monkeypatch, tmp_path):
    monkeypatch.setattr("rtstem.bench._TOO_SLOW", 0.0)
    result = run_bench(str(tiny_model(tmp_path / "tiny.onnx")), seconds=0.1, provider="cpu")
    assert not result.fits
    assert "too slow" in result.verdict
