"""Where a model runs: what is measured, what is chosen, what is said where something does not start."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rtstem import provider_choice
from rtstem.bench_stages import WHOLE_HOP, StageTimes
from rtstem.errors import ModelError
from rtstem.model_spec import read_model_spec
from rtstem.provider_choice import choose, choose_name, compare, fastest
from rtstem.rt.cuda import gpu_present
from rtstem.rt.providers import PROVIDERS
from rtstem.rt.separator import Separator
from tests.loopback import failing, loopback
from tests.models import busy_model, tiny_model


@pytest.fixture(autouse=True)
def nothing_measured():
    choose_name.cache_clear()


@pytest.fixture
def spec(tmp_path):
    return read_model_spec(tiny_model(tmp_path / "tiny.onnx"))


@pytest.fixture
def other(monkeypatch):
    """A second provider that works here."""
    monkeypatch.setitem(PROVIDERS, "loopback", loopback())


def times(p99: float) -> StageTimes:
    return StageTimes(WHOLE_HOP, p99 / 2, p99, p99, p99, 40)


def test_where_there_is_only_the_cpu_nothing_is_measured(spec, monkeypatch):
    monkeypatch.setattr(provider_choice, "compare", lambda *_: pytest.fail("measured"))
    choice = choose(spec)
    assert choice.separator.provider == "CPUExecutionProvider"
    assert (choice.standby, choice.reason) == (None, "")
    assert choose_name(spec) == "cpu"


@pytest.mark.parametrize(
    ("figures", "chosen"),
    [
        ({"cpu": 2000.0}, "cpu"),
        ({"cpu": 2000.0, "cuda": 1800.0}, "cpu"),  # faster, but by too little
        ({"cpu": 2000.0, "cuda": 900.0}, "cuda"),
        ({"cpu": 2000.0, "cuda": 900.0, "third": 500.0}, "third"),
        ({"cpu": 500.0, "cuda": 900.0}, "cpu"),
    ],
)
def test_another_one_must_be_clearly_faster_than_the_cpu(figures, chosen):
    assert fastest({name: times(p99) for name, p99 in figures.items()}) == chosen


def test_the_slower_of_two_that_run_loses(spec, tmp_path):
    """Two real models in place of two providers: one works for some ms in every hop."""
    busy = Separator(read_model_spec(busy_model(tmp_path / "busy.onnx", 1, 20.0)))
    quick = Separator(spec)
    assert fastest(compare({"cpu": busy, "other": quick})) == "other"
    assert fastest(compare({"cpu": quick, "other": busy}, paced=False)) == "cpu"


def test_both_are_measured_and_the_cpu_is_kept_where_it_is_as_fast(spec, other, monkeypatch):
    monkeypatch.setattr(provider_choice, "WORTH", 0.001)  # twice the same: no noise may decide
    choice = choose(spec)
    assert choice.separator.provider_key == "cpu"
    assert choice.standby is None
    shown = r"runs on CPU; the slowest hop in 100: CPU \d+\.\d\d ms, LOOPBACK \d+\.\d\d ms"
    assert re.fullmatch(shown, choice.reason)
    assert choose_name(spec) == "cpu"


def test_the_cpu_stands_by_where_the_other_is_chosen(spec, other, monkeypatch):
    monkeypatch.setattr(provider_choice, "WORTH", 100.0)
    choice = choose(spec)
    assert choice.separator.provider_key == "loopback"
    assert choice.standby.provider_key == "cpu"
    assert choose_name(spec) == "loopback"


def test_one_that_was_asked_for_is_taken_and_a_slow_cpu_does_not_stand_by(
    tmp_path, spec, other, monkeypatch
):
    monkeypatch.setattr(provider_choice, "FITS", 2.0)  # 23 ms: out of reach for noise
    choice = choose(spec, "loopback")
    assert choice.separator.provider_key == "loopback"
    assert choice.standby is not None
    busy = read_model_spec(busy_model(tmp_path / "busy.onnx", 1, 40.0))
    choice = choose(busy, "loopback")
    assert choice.separator.provider_key == "loopback"
    assert choice.standby is None
    assert choice.reason.endswith("the CPU is too slow to stand by")


def test_cuda_whose_libraries_do_not_load_leaves_auto_on_the_cpu(spec, monkeypatch):
    """The real provider of ONNX Runtime, as on a machine with a driver and nothing else."""
    if gpu_present():
        pytest.skip("a GPU is present")
    monkeypatch.setitem(PROVIDERS, "cuda", replace(PROVIDERS["cuda"], lack=str))
    choice = choose(spec)
    assert choice.separator.provider_key == "cpu"
    assert choice.refused["cuda"].count("\n") == 0
    assert choice.refused["cuda"].startswith("provider cuda does not start (")
    assert choice.refused["cuda"].endswith('pip install "onnxruntime-gpu[cuda,cudnn]", or use cpu')
    with pytest.raises(ModelError, match="provider cuda does not start"):
        choose(spec, "cuda")


def test_one_that_starts_and_then_fails_leaves_auto_on_the_cpu(spec, other):
    failing[0] = 10**9
    try:
        choice = choose(spec)
        assert choice.separator.provider_key == choose_name(spec) == "cpu"
        assert "the model failed to run" in choice.refused["loopback"]
        with pytest.raises(ModelError, match="failed to run"):
            choose(spec, "loopback")
    finally:
        failing[0] = 0


def test_one_that_does_not_start_is_told_by_auto_and_an_error_where_asked_for(spec, monkeypatch):
    def append(*_args):
        raise ModelError("libcudnn.so.9: cannot open")

    monkeypatch.setitem(PROVIDERS, "broken", replace(loopback(), append=append))
    choice = choose(spec)
    assert choice.separator.provider_key == "cpu"
    assert "provider broken does not start (libcudnn.so.9: cannot open)" in choice.reason
    assert set(choice.refused) == {"broken"}
    with pytest.raises(ModelError, match="provider broken does not start"):
        choose(spec, "broken")
