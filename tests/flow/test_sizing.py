"""latency: auto in a running engine: measured here, shown, and then constant."""

from __future__ import annotations

import pytest

from rtstem import sizing
from rtstem.control.terminal import live_facts
from rtstem.engine import Engine
from rtstem.sizing import HopTail
from tests.models import tiny_model


@pytest.fixture(autouse=True)
def kept_in(monkeypatch, tmp_path):
    path = tmp_path / "hop-times.json"
    monkeypatch.setattr(sizing, "_kept_in", lambda: path)
    return path


def engine(model, latency="auto", block=256):
    audio = {"input": "virtual:silence", "output": "virtual", "block": block}
    return Engine({"model": str(model), "latency": latency, "audio": audio})


def test_auto_is_measured_shown_and_constant(tmp_path):
    path = tiny_model(tmp_path / "tiny.onnx")
    with engine(path) as first:
        latency, told = first.latency, first.sizing
        assert not first.wait(0.5)
        assert first.latency == latency
        assert (told, "") in live_facts(first)
    hops = latency.safety / first.spec.hop
    assert told.startswith(f"safety {hops:g} hops chosen: p99.9 of a hop ")
    with engine(path, {"safety_hops": "auto"}) as second:
        assert second.latency == latency
        assert second.sizing == told


def test_a_number_is_taken_as_it_is_and_nothing_measured(tmp_path, kept_in):
    with engine(tiny_model(tmp_path / "tiny.onnx"), {"safety_hops": 0.75}) as running:
        assert running.latency.safety == 0.75 * 512
        assert running.sizing == ""
        assert len(live_facts(running)) == 3
    assert not kept_in.exists()


@pytest.mark.parametrize(("p999_us", "safety"), [(2_000.0, 128), (9_000.0, 384), (30_000.0, 1792)])
def test_a_slower_model_gets_more_safety(tmp_path, monkeypatch, p999_us, safety):
    monkeypatch.setattr(sizing, "measure", lambda *_: HopTail(p999_us, 1030))
    with engine(tiny_model(tmp_path / "tiny.onnx")) as running:
        assert running.latency.safety == safety


def test_a_model_with_more_to_do_is_measured_to_be_slower(tmp_path, kept_in):
    with engine("live", block=16):
        (live,) = sizing._kept().values()
    kept, path = kept_in.read_bytes(), tiny_model(tmp_path / "tiny.onnx")

    def takes_less_than_half() -> bool:  # unless the machine stands still in two of its hops
        kept_in.write_bytes(kept)
        with engine(path, block=16):
            _, tiny = sizing._kept().values()
        return 2 * tiny.p999_us < live.p999_us

    assert any(takes_less_than_half() for _ in range(8))
