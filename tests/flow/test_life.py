"""Starting, ending, moving faders, errors."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from rtstem import transport
from rtstem.engine import Engine
from rtstem.errors import ConfigError, EngineError, RtstemError
from rtstem.io.virtual import VirtualStream
from rtstem.rt import board as b
from tests.flow.conftest import RATE
from tests.models import DEFAULT_GAINS, tiny_model
from tests.waiting import until


def silent_config(tmp_path):
    return {
        "model": str(tiny_model(tmp_path / "tiny.onnx")),
        "audio": {"input": "virtual:silence", "output": "virtual"},
    }


def test_a_fader_moves_within_a_block_and_without_a_step(play, noise):
    tone = np.full((RATE, 2), 0.5, np.float32)
    take = play(tone, moves={RATE // 2: lambda engine: engine.desk.set("vocals", 0.0)}, block=128)
    mix = take.bus(0)[8192:-4096, 0]
    assert mix.max() == 0.5
    assert abs(mix.min() - 0.5 * (1 - DEFAULT_GAINS[0])) < 1e-3
    assert np.abs(np.diff(mix)).max() < 1e-3  # -60 dB of full scale


def test_master_fades_the_mix_even_where_only_the_dry_signal_is_heard(play):
    def lose(engine):
        engine._board.header[b.LOST_UNTIL] = 2 * RATE

    moves = {0: lose, RATE // 2: lambda engine: engine.desk.master(0.0)}
    config = {"realtime": {"conceal_ms": 0}}
    take = play(np.full((RATE, 2), 0.5, np.float32), config=config, moves=moves)
    assert take.engine.snapshot().missed_blocks > 10
    assert (take.bus(0)[RATE * 3 // 4 :] == 0).all()


def test_silence_runs_until_stopped_and_counts(tmp_path):
    with Engine(silent_config(tmp_path)) as engine:
        until(lambda: engine.snapshot().hops > 30)
        seen = engine.snapshot()
        assert seen.running
        assert seen.blocks > 20
        assert seen.hop_us.p50 > 0
        assert 0 < seen.load < 1
        assert not engine.wait(0.1)
    seen = engine.snapshot()
    assert not seen.running
    assert seen.callback_us.count == seen.blocks
    engine.stop()  # twice is fine


def test_an_engine_starts_only_once(tmp_path):
    engine = Engine(silent_config(tmp_path))
    with engine:
        pass
    with pytest.raises(EngineError, match="make a new one"):
        engine.start()


def test_a_device_that_never_asks_for_audio_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(VirtualStream, "start", lambda stream: None)
    monkeypatch.setattr(transport, "PRIMING_POLLS", 20)
    with pytest.raises(EngineError, match="does not ask for audio; restart the sound server"):
        Engine(silent_config(tmp_path)).start()


def test_a_machine_that_stands_still_at_the_start_is_waited_for(tmp_path, monkeypatch):
    """For longer than the device has until its first blocks; then it begins."""
    start, held, sleep = VirtualStream.start, [], time.sleep

    def stalled(seconds: float) -> None:
        sleep(2.5 if held else seconds)
        if held:
            start(held.pop())

    monkeypatch.setattr(VirtualStream, "start", lambda stream: held.append(stream))
    monkeypatch.setattr(transport, "time", SimpleNamespace(sleep=stalled))
    with Engine(silent_config(tmp_path)) as engine:
        until(lambda: engine.snapshot().hops > 3)


def test_a_failing_sink_ends_the_stream_with_its_error(tmp_path):
    def broken(_block):
        raise RtstemError("the disk is full; free some space")

    with Engine(silent_config(tmp_path), sink=broken) as engine:
        assert engine.wait(30)
    assert str(engine.error) == "the disk is full; free some space"


def test_a_lost_inference_thread_is_told(tmp_path):
    engine = Engine(silent_config(tmp_path))
    engine._inference._loop = lambda: None  # the thread ends at once
    engine._inference._compile = lambda: None
    with engine:
        assert engine.wait(30)
    assert "inference thread" in str(engine.error)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"audio": {"input": "virtual:silence", "output": "virtual", "sample_rate": 96000}},
            "44100",
        ),
        ({"faders": {"choir": 1.0}}, "vocals"),
    ],
)
def test_wrong_settings_are_one_line(tmp_path, change, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        Engine(silent_config(tmp_path) | change)
    assert "\n" not in str(caught.value)


def test_memory_does_not_grow_while_running(tmp_path):
    import tracemalloc

    with Engine(silent_config(tmp_path)) as engine:
        engine.wait(0.5)
        tracemalloc.start()
        engine.wait(0.2)
        before = tracemalloc.get_traced_memory()[0]
        engine.wait(1.0)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 100_000


def test_the_callers_thread_keeps_its_float_mode(tmp_path):
    with Engine(silent_config(tmp_path)) as engine:
        engine.wait(0.1)
    assert (np.array([1e-41], np.float32) * np.float32(0.5))[0] > 0


def test_lockstep_has_all_the_time_it_needs(play, noise):
    """Without a clock a long pause between two blocks is no dead device."""
    take = play(noise, moves={RATE // 2: lambda engine: time.sleep(1.6)})
    assert take.engine.error is None
    assert np.array_equal(take.bus(0), noise)
