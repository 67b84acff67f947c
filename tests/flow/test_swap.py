"""Another model while it plays: no step, the same delay, the input bit for bit; one line where not."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from rtstem.control.actions import ActionTable
from rtstem.control.osc import OscSurface
from rtstem.engine import Engine
from rtstem.errors import EngineError, ModelError, RtstemError
from rtstem.rt import board as b
from rtstem.swap import take_over
from tests.flow.clocked import by_the_clock, hear
from tests.flow.conftest import RATE, STEMS
from tests.flow.test_exact import DIRECT
from tests.models import DEFAULT_GAINS, bind_nothing, tiny_model
from tests.waiting import until
from tests.web.osc_client import Client

OTHER_GAINS = (0.1, 0.2, 0.3, 0.4)
SILENT = dict.fromkeys(STEMS, 0.0)
LEVEL = 0.5


class Swap:
    """A move for runs in lockstep: offers `model`, and goes on when the engine has been offered it."""

    def __init__(self, model, after: Swap | None = None) -> None:
        self.model, self.after, self.error, self.thread = model, after, None, None

    def __call__(self, engine) -> None:
        if self.after is not None:  # it has been heard long ago; Python may not have noticed yet
            self.after.thread.join()
        h, offers = engine._board.header, int(engine._board.header[b.SWAP_OFFER])
        self.thread = threading.Thread(target=self._run, args=(engine,))
        self.thread.start()
        while self.thread.is_alive() and h[b.SWAP_OFFER] == offers:
            time.sleep(0.001)

    def _run(self, engine) -> None:
        try:
            engine.swap_model(self.model)
        except RtstemError as error:
            self.error = error


@pytest.fixture
def other(tmp_path):
    return tiny_model(tmp_path / "other.onnx", gains=OTHER_GAINS, metadata={"name": "other"})


def test_the_stems_of_the_other_model_come_without_a_step_at_the_same_delay(play, other):
    tone, swap = np.full((RATE, 2), LEVEL, np.float32), Swap(other)
    take = play(tone, config={"faders": {"vocals": 0.0}}, moves={RATE // 2: swap}, block=128)
    mix = take.bus(0)[8192:-4096, 0]
    assert swap.error is None
    assert take.engine.spec.name == "other"
    np.testing.assert_allclose(mix[:4096], LEVEL * (1 - DEFAULT_GAINS[0]), atol=1e-4)
    np.testing.assert_allclose(mix[-4096:], LEVEL * (1 - OTHER_GAINS[0]), atol=1e-4)
    assert np.abs(np.diff(mix)).max() < 1e-3  # -60 dB of full scale
    first = np.flatnonzero(mix > LEVEL * (1 - DEFAULT_GAINS[0]) + 1e-3)[0] + 8192
    assert RATE // 2 - take.delay < first < RATE // 2 + 1024
    seen = take.engine.snapshot()
    assert seen.missed_blocks == seen.concealed_blocks == seen.late_hops == 0


@pytest.mark.parametrize("lookahead", [0, 1, 3])
def test_unity_and_the_sum_of_the_stems_are_exact_through_the_swap(
    play, noise, other, tmp_path, lookahead
):
    """Also where the new model looks ahead less than the stream's delay allows."""
    model = tiny_model(tmp_path / "ahead.onnx", lookahead_hops=lookahead)
    swap = Swap(other)
    take = play(noise, model=model, config={"buses": DIRECT}, moves={RATE // 2: swap})
    assert swap.error is None
    assert take.engine.spec.name == "other"
    assert np.array_equal(take.bus(0), noise)
    stems = [take.bus(n) for n in range(1, 5)]
    np.testing.assert_allclose(sum(stems), noise, atol=2e-6)
    early, late = slice(0, RATE // 2 - 4096), slice(RATE // 2 + 2048, None)
    for stem, before, after in zip(stems, DEFAULT_GAINS, OTHER_GAINS, strict=True):
        np.testing.assert_allclose(stem[early], before * noise[early], atol=2e-6)
        np.testing.assert_allclose(stem[late], after * noise[late], atol=2e-6)
    assert take.engine.snapshot().missed_blocks == 0


@pytest.mark.parametrize("lookahead", [1, 3])
def test_back_to_a_model_that_looks_ahead(play, noise, other, tmp_path, lookahead):
    """What the other one has separated ahead of it is made anew, without a hole or a step."""
    ahead = tiny_model(tmp_path / "ahead.onnx", lookahead_hops=lookahead)
    there = Swap(other)
    back = Swap(ahead, after=there)
    moves = {RATE // 4: there, RATE // 2: back}
    take = play(noise, model=ahead, config={"buses": DIRECT}, moves=moves)
    assert there.error is None
    assert back.error is None
    assert take.engine.spec.name == "tiny"
    assert np.array_equal(take.bus(0), noise)
    stems = [take.bus(n) for n in range(1, 5)]
    np.testing.assert_allclose(sum(stems), noise, atol=2e-6)
    between, late = slice(RATE // 4 + 4096, RATE // 2 - 4096), slice(RATE // 2 + 4096, None)
    for stem, before, after in zip(stems, DEFAULT_GAINS, OTHER_GAINS, strict=True):
        np.testing.assert_allclose(stem[between], after * noise[between], atol=2e-6)
        np.testing.assert_allclose(stem[late], before * noise[late], atol=2e-6)
    seen = take.engine.snapshot()
    assert seen.missed_blocks == seen.concealed_blocks == seen.late_hops == 0


def test_no_step_on_the_way_back_to_a_model_that_looks_ahead(play, other, tmp_path):
    ahead = tiny_model(tmp_path / "ahead.onnx", lookahead_hops=3)
    there = Swap(other)
    moves = {RATE // 4: there, RATE // 2: Swap(ahead, after=there)}
    tone = np.full((RATE, 2), LEVEL, np.float32)
    take = play(tone, model=ahead, config={"faders": {"vocals": 0.0}}, moves=moves)
    mix = take.bus(0)[8192:-4096, 0]
    np.testing.assert_allclose(mix[-4096:], LEVEL * (1 - DEFAULT_GAINS[0]), atol=1e-4)
    assert np.abs(np.diff(mix)).max() < 1e-3  # -60 dB of full scale


def test_the_memory_of_the_new_model_is_warm(play, noise, tmp_path):
    """A model with a long memory: right after the swap its stems are those of a run from the start."""
    slow = {"memory_mix": (0.2, -0.2, 0.1, -0.1), "leak": 0.8}
    model = tiny_model(tmp_path / "slow.onnx", **slow)
    alone = play(noise, model=model, config={"buses": DIRECT})
    swap = Swap(model)
    take = play(noise, config={"buses": DIRECT}, moves={RATE // 2: swap})
    assert swap.error is None
    after = RATE // 2 + 1024
    np.testing.assert_allclose(take.bus(1)[after:], alone.bus(1)[after:], atol=1e-4)


def test_back_and_forth_many_times(play, noise, other, tmp_path):
    first = tiny_model(tmp_path / "first.onnx")
    swaps: list[Swap] = []
    for n in range(9):
        swaps.append(Swap(first if n % 2 else other, after=swaps[-1] if swaps else None))
    moves = {(n + 1) * 4096: swap for n, swap in enumerate(swaps)}
    take = play(noise, config={"faders": SILENT}, moves=moves, block=64)
    assert [swap.error for swap in swaps] == [None] * 9
    assert take.engine.spec.name == "other"
    assert np.abs(take.bus(0)).max() < 2e-6


def test_held_stems_go_on_after_a_swap(play, noise, other):
    """Concealment must use what the new model left, not the old one."""

    def lose(engine):
        h = engine._board.header
        h[b.LOST_FROM], h[b.LOST_UNTIL] = 70 * 512, 74 * 512

    moves = {RATE // 2: Swap(other), 68 * 512 - 256: lose}
    take = play(noise, config={"faders": {"vocals": 0.0}}, moves=moves)
    assert take.engine.snapshot().concealed_blocks > 0
    late = take.bus(0)[60 * 512 :]
    np.testing.assert_allclose(late, (1 - OTHER_GAINS[0]) * noise[60 * 512 :], atol=5e-6)


@by_the_clock
def test_while_the_clock_runs(play, noise, other):
    def during(engine):
        hear(engine, 1.2)
        engine.swap_model(other)

    audio = np.tile(noise, (4, 1))
    take = play(audio, config={"buses": DIRECT}, lockstep=False, during=during)
    assert np.array_equal(take.bus(0), audio)
    np.testing.assert_allclose(take.bus(1)[:RATE], DEFAULT_GAINS[0] * audio[:RATE], atol=2e-6)
    np.testing.assert_allclose(take.bus(1)[-8192:], OTHER_GAINS[0] * audio[-8192:], atol=2e-6)
    assert take.engine.snapshot().missed_blocks == 0


def test_to_the_model_that_comes_with_rtstem_and_back(play, noise, tmp_path):
    tiny = tiny_model(tmp_path / "tiny2.onnx")
    there = Swap("live")
    back = Swap(tiny, after=there)
    take = play(noise, moves={RATE // 4: there, RATE // 2: back})
    assert there.error is None
    assert back.error is None
    assert np.array_equal(take.bus(0), noise)
    assert take.engine.snapshot().missed_blocks == 0


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ({"hop": 256}, "hops of 256 frames, the stream in 512"),
        ({"lookahead_hops": 1}, "needs a delay of 1856 frames, the stream has 1344"),
        ({"stems": 2}, "has the stems vocals, drums"),
        ({"metadata": {"sample_rate": "48000", "rates": "48000"}}, "runs at 48000 Hz"),
        ({"gains": (float("nan"), 0.3, 0.2, 0.1)}, "rtstem models check"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_one_line_and_the_old_one_plays_on(
    play, noise, tmp_path, shape, sentence
):
    swap = Swap(tiny_model(tmp_path / "wrong.onnx", **shape))
    take = play(noise, config={"faders": {"vocals": 0.0}}, moves={RATE // 2: swap})
    assert sentence in str(swap.error)
    assert "\n" not in str(swap.error)
    assert isinstance(swap.error, ModelError)
    np.testing.assert_allclose(take.bus(0), (1 - DEFAULT_GAINS[0]) * noise, atol=2e-6)


def test_a_model_that_fails_on_this_music_is_refused(play, noise, tmp_path):
    """It passes the warm-up, and overflows in what the ring remembers."""
    model = tiny_model(tmp_path / "inf.onnx", memory_mix=(1e-38, -1e-38, 0, 0), leak=30.0)
    swap = Swap(model)
    take = play(noise, config={"faders": {"vocals": 0.0}}, moves={RATE // 2: swap})
    assert isinstance(swap.error, EngineError)
    assert "the old model plays on" in str(swap.error)
    np.testing.assert_allclose(take.bus(0), (1 - DEFAULT_GAINS[0]) * noise, atol=2e-6)


def test_no_model_is_changed_before_the_start_nor_after_the_end(tmp_path, other):
    config = {
        "model": str(tiny_model(tmp_path / "tiny.onnx")),
        "audio": {"input": "virtual:silence", "output": "virtual"},
    }
    engine = Engine(config)
    with pytest.raises(EngineError, match="start the engine"):
        engine.swap_model(other)
    with engine:
        engine.wait(0.2)
    with pytest.raises(EngineError, match="start the engine"):
        engine.swap_model(other)
    with pytest.raises(ModelError, match="no such model"):
        engine.swap_model("nosuch")


@by_the_clock
def test_by_osc_and_what_all_surfaces_are_told(play, noise, other, tmp_path):
    """A model of the show by its address; one that does not fit leaves the old one and says why."""
    wrong, seen, heard = tiny_model(tmp_path / "wrong.onnx", hop=256), {}, {}
    changed = {"/rtstem/model/other": 1.0, "/rtstem/model/tiny": 0.0}

    def during(engine):
        table = ActionTable(engine.desk, engine.models)
        assert table.value("model.tiny") == 1.0
        assert [n for n in table.names if n.startswith("model.")] == [
            "model.tiny",
            "model.other",
            "model.wrong",
        ]
        with OscSurface(table, port=0) as surface:
            client = Client(surface)
            client.send("/rtstem/sync")
            client.send("/rtstem/model/wrong")
            until(lambda: "hops of 256 frames" in engine.notice)
            client.send("/rtstem/model/other")
            until(lambda: heard.update(client.hear(0.1)) or heard.items() >= changed.items())
            client.close()
        seen["value"] = table.value("model.other"), table.value("model.tiny")

    config = {"models": [str(other), str(wrong)]}
    take = play(np.tile(noise, (5, 1)), config=config, lockstep=False, during=during)
    assert seen["value"] == (1.0, 0.0)
    assert np.array_equal(take.bus(0), take.audio)


def test_two_changes_at_once_are_refused(play, noise, other, monkeypatch):
    begun, refused = threading.Event(), threading.Event()

    def slowly(*change):
        begun.set()
        refused.wait(60)
        take_over(*change)

    def during(engine):
        monkeypatch.setattr("rtstem.playing_model.take_over", slowly)
        thread = threading.Thread(target=engine.swap_model, args=(other,))
        thread.start()
        assert begun.wait(60)
        with pytest.raises(EngineError, match="already"):
            engine.swap_model(other)
        refused.set()
        thread.join()

    play(np.tile(noise, (3, 1)), lockstep=False, during=during)


def test_from_a_model_that_fails_all_the_time_to_one_that_works(play, noise, tmp_path, other):
    """Held masks and the dry signal are heard when the change is made: no step even then."""
    broken = tiny_model(tmp_path / "nan.onnx", memory_mix=(1e-38, -1e-38, 0, 0), leak=4.0)

    def break_it(engine):
        bind_nothing(engine._separator)

    tone = np.full((2 * RATE, 2), LEVEL, np.float32)
    for limit in (5000, 100):  # while held, and when dry
        swap = Swap(other)
        take = play(
            tone,
            model=broken,
            config={"faders": {"vocals": 0.0}, "realtime": {"conceal_ms": limit}},
            moves={RATE // 2: break_it, RATE: swap},
        )
        mix = take.bus(0)[8192:-4096, 0]
        assert swap.error is None
        assert take.engine.snapshot().model_faults > 20
        np.testing.assert_allclose(mix[-4096:], LEVEL * (1 - OTHER_GAINS[0]), atol=1e-4)
        assert np.abs(np.diff(mix)).max() < (1e-3 if limit == 5000 else 0.3 / 64)
