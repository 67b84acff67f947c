"""`models check`: a good model passes, and each demand catches the model that breaks it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper, load_model, numpy_helper, save_model

from rtstem import model_demands as demands
from rtstem.model_check import ModelReport, check_model
from rtstem.model_signals import extremes, music, noise
from rtstem.model_spec import read_model_spec
from tests.models import tiny_model

SECONDS = 8.0
NAMES = ["metadata", *(name for name, _ in demands.DEMANDS)]
UNSTEADY: Mapping[str, Any] = {"memory_mix": (0.3, -0.3, 0.0, 0.0)}


def check(tmp_path: Path, **options: Any) -> ModelReport:
    return check_model(tiny_model(tmp_path / "m.onnx", **options), "cpu", SECONDS)


def failed(report: ModelReport) -> set[str]:
    return {verdict.name for verdict in report.verdicts if not verdict.passed}


@pytest.mark.parametrize(
    "options",
    [{}, {"domain": "waveform", "hop": 256}, {"lookahead_hops": 2}, UNSTEADY | {"leak": 0.9}],
    ids=["spectrum", "waveform", "lookahead", "memory"],
)
def test_good_models_pass(tmp_path: Path, options: dict[str, Any]) -> None:
    told = []
    path = tiny_model(tmp_path / "m.onnx", **options)
    report = check_model(path, "cpu", SECONDS, lambda name, part: told.append((name, part)))
    assert failed(report) <= {"speed"}  # another job may have the processor
    assert [verdict.name for verdict in report.verdicts] == NAMES
    assert [name for name, part in told if part == 0.0] == [*NAMES[:1], *NAMES[1:]]
    assert all(0.0 <= part <= 1.0 for _, part in told)
    assert report.provider == "CPUExecutionProvider"


def test_growing_state_is_not_stable(tmp_path: Path) -> None:
    """The memory grows by 1 % a hop; the stems hear it."""
    assert {"stable", "silence"} <= failed(check(tmp_path, **UNSTEADY, leak=1.01))


def test_state_that_grows_unheard_is_not_stable_either(tmp_path: Path) -> None:
    assert failed(check(tmp_path, leak=1.01)) - {"speed"} == {"stable"}


def test_memory_that_never_forgets_breaks_silence(tmp_path: Path) -> None:
    assert "silence" in failed(check(tmp_path, memory_mix=(0.1, -0.1, 0, 0), leak=0.999))


def test_loud_stems_are_found(tmp_path: Path) -> None:
    report = check(tmp_path, gains=(12.0, -11.0, 0.0, 0.0))
    assert {"extremes", "stable"} <= failed(report)


def test_wrong_delay_is_found(tmp_path: Path) -> None:
    """The metadata promise a look-ahead that the graph does not have."""
    report = check(tmp_path, gains=(1.0, 0.0, 0.0, 0.0), metadata={"lookahead_hops": "2"})
    assert "delay" in failed(report)


def test_values_that_are_not_finite_fail_every_demand_that_meets_them(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx", gains=(float("nan"), 0.5, 0.5, 0.0))
    report = check_model(path, "cpu", SECONDS)
    assert failed(report) >= {"causal", "streaming", "extremes", "stable"}
    assert all("finite" in v.figure for v in report.verdicts if v.name in ("causal", "stable"))


def test_stems_out_of_nothing_break_silence(tmp_path: Path) -> None:
    """A bias in the graph: vocals that hum in silence."""
    path = tiny_model(tmp_path / "m.onnx", domain="waveform", hop=256)
    model = load_model(path)
    hum = np.zeros((1, 4, 1, 1), np.float32)
    hum[0, 0], hum[0, 1] = 0.01, -0.01
    model.graph.initializer.append(numpy_helper.from_array(hum, "hum"))
    for node in model.graph.node:
        if "stems" in node.output:
            node.output[:] = ["quiet"]
    model.graph.node.append(helper.make_node("Add", ["quiet", "hum"], ["stems"]))
    save_model(model, path)
    report = check_model(path, "cpu", SECONDS)
    assert failed(report) - {"speed"} == {"silence"}
    figure = next(v.figure for v in report.verdicts if v.name == "silence")
    assert figure == "-40 dBFS from the start, -40 dBFS 2 s after music"


def test_slow_model_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph that multiplies large matrices for longer than its 1.5 ms hop."""
    path = tiny_model(tmp_path / "m.onnx", domain="waveform", hop=64)
    model = load_model(path)
    big = np.full((1500, 1500), 1e-3, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(big, "big"))
    axes = numpy_helper.from_array(np.array([0, 1], np.int64), "all_axes")
    model.graph.initializer.append(axes)
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    model.graph.initializer.append(zero)
    for node in model.graph.node:
        if "stems" in node.output:
            node.output[:] = ["quick"]
    first = helper.make_node("ReduceSum", ["audio"], ["level"], keepdims=0)
    model.graph.node.extend(
        [
            first,
            helper.make_node("Mul", ["big", "level"], ["live_big"]),
            helper.make_node("MatMul", ["live_big", "big"], ["work"]),
            helper.make_node("ReduceSum", ["work", "all_axes"], ["sum"], keepdims=0),
            helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
            helper.make_node("Add", ["quick", "nothing"], ["stems"]),
        ]
    )
    save_model(model, path)
    separator = demands.Separator(read_model_spec(path), "cpu")
    subject = demands.Subject(separator.spec, separator, SECONDS, lambda part: None)
    monkeypatch.setattr(demands.Subject, "hops", lambda self, seconds: 8)
    verdict = demands.check_speed(subject)
    separator.close()
    assert not verdict.passed, verdict


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\x07garbage\xff"])
def test_no_model_fails_the_first_demand_only(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    report = check_model(path, "cpu", SECONDS)
    assert [v.name for v in report.verdicts] == ["metadata"]
    assert not report.passed
    assert report.to_dict()["passed"] is False


class Leaky:
    """A separator whose reset forgets to clear one value, or whose chunks differ."""

    def __init__(self, real: Any, fault: str) -> None:
        self._real, self._fault, self._last = real, fault, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def process(self, audio: Any) -> Any:
        out = self._real.process(audio)
        if self._fault == "restart":
            out[:, 0] += np.float32(0.01 * self._last)
            self._last = float(np.abs(audio).max())
        elif self._fault == "streaming" and len(audio) == self.spec.hop:
            out[:, -1] += np.float32(0.01)
        elif self._fault == "causal":
            out[:, :-1] += np.float32(0.1) * audio[None, 1:]
        elif self._fault == "sum":
            out[0] *= np.float32(1.001)
        return out


@pytest.mark.parametrize("fault", ["restart", "streaming", "causal", "sum"])
def test_faults_of_the_streaming_itself_are_found(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = demands.Separator
    monkeypatch.setattr("rtstem.model_check.Separator", lambda *a: Leaky(real(*a), fault))
    assert fault in failed(check(tmp_path))


def test_signals_are_what_they_say() -> None:
    whole = music(4000, 44100)
    assert whole.dtype == np.float32
    assert 0.1 < np.abs(music(44100 * 5, 44100)).max() <= 1.0
    assert np.array_equal(noise(100, 1), noise(100, 1))
    assert not np.array_equal(noise(100, 1), noise(100, 2))
    found = dict(extremes(4410, 44100))
    assert all(audio.shape == (4410, 2) and np.isfinite(audio).all() for audio in found.values())
    bits = found["denormals"].view(np.int32)
    assert np.all((bits > 0) & (bits < np.finfo(np.float32).tiny.view(np.int32)))
    assert np.abs(found["24 dB above full scale"]).max() == 16.0
