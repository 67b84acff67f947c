"""A provider that is held up by others: the CPU takes over without a step, the input bit for bit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rtstem.model_spec import read_model_spec
from rtstem.provider_choice import Choice
from rtstem.rt.board import Board
from rtstem.rt.providers import PROVIDERS
from rtstem.rt.separator import Separator
from rtstem.rt.system import system_calls
from rtstem.swap import prepare
from tests.flow.clocked import by_the_clock, hear
from tests.flow.conftest import RATE
from tests.flow.test_exact import DIRECT
from tests.loopback import loopback
from tests.models import DEFAULT_GAINS, busy_model, tiny_model

OTHER_GAINS = (0.1, 0.2, 0.3, 0.4)
LEVEL = 0.5


@pytest.fixture
def chosen(monkeypatch, tmp_path):
    """chosen(model, standby): the engine's provider is a device of its own with `model`; `standby`
    has other gains, so that one hears who plays."""
    monkeypatch.setitem(PROVIDERS, "loopback", loopback())

    def choose(model, standby):
        separators = (
            Separator(read_model_spec(model), "loopback"),
            Separator(read_model_spec(standby)),
        )
        separators[1].warm_up()
        prepare(Board(4, 1, 512, 2, system_calls()), separators[1])  # compiles once on a machine
        monkeypatch.setattr(
            "rtstem.playing_model.choose", lambda spec, provider: Choice(*separators, "as measured")
        )

    return choose


def wait_for(engine, provider: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while engine._separator.provider_key != provider and time.monotonic() < end:
        time.sleep(0.05)


@by_the_clock
def test_the_cpu_takes_over_without_a_step(play, tmp_path, chosen):
    """Every fourth hop of the model works for 9 of the 11.6 ms, as beside another program."""
    busy = busy_model(tmp_path / "busy.onnx", 4, 9.0)  # 6 are enough: it may come out quicker
    standby = tiny_model(tmp_path / "standby.onnx", gains=OTHER_GAINS)
    chosen(busy, standby)
    seen = {}

    def during(engine):
        seen["before"] = engine._separator.provider_key
        wait_for(engine, "cpu", 7.0)
        seen["after"] = engine._separator.provider_key
        time.sleep(0.3)

    tone = np.full((8 * RATE, 2), LEVEL, np.float32)
    tone += np.random.default_rng(3).standard_normal(tone.shape).astype(np.float32) * 1e-6
    take = play(tone, model=busy, config={"buses": DIRECT}, lockstep=False, during=during)
    assert seen == {"before": "loopback", "after": "cpu"}
    assert np.array_equal(take.bus(0), tone)
    vocals = take.bus(1)[8192:-4096, 0]
    np.testing.assert_allclose(vocals[:4096], LEVEL * DEFAULT_GAINS[0], atol=1e-4)
    np.testing.assert_allclose(vocals[-4096:], LEVEL * OTHER_GAINS[0], atol=1e-4)
    assert np.abs(np.diff(vocals)).max() < 1e-3  # -60 dB of full scale
    snapshot = take.engine.snapshot()
    assert snapshot.missed_blocks == 0
    told = [line for line in take.engine.notices if "has taken over" in line]
    assert len(told) == 1
    assert told[0].startswith("LOOPBACK is held up by other programs: ")
    assert take.engine.notices[0] == "as measured"


@by_the_clock
def test_a_provider_that_is_quick_is_kept_and_the_standby_follows_the_model(play, tmp_path, chosen):
    tiny, standby = tiny_model(tmp_path / "a.onnx"), tiny_model(tmp_path / "b.onnx")
    other = tiny_model(tmp_path / "other.onnx", gains=OTHER_GAINS, metadata={"name": "other"})
    chosen(tiny, standby)
    seen = {}

    def during(engine):
        hear(engine, 2.5)
        engine.swap_model(other)
        seen["standby"] = engine._playing.contention._standby.spec.name
        seen["plays"] = engine._separator.provider_key, engine._separator.graph

    noise = np.random.default_rng(5).standard_normal((6 * RATE, 2)).astype(np.float32) * 0.1
    take = play(noise, model=tiny, lockstep=False, during=during)
    assert seen == {"standby": "other", "plays": ("loopback", False)}
    assert np.array_equal(take.bus(0), noise)
    assert not [line for line in take.engine.notices if "held up" in line]
    assert take.engine._playing.contention._standby is None  # closed
