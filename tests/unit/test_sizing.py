"""latency: auto: what it measures, keeps and chooses."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem import sizing
from rtstem.model_spec import read_model_spec
from rtstem.rt.priority import Priority
from rtstem.rt.separator import Separator
from rtstem.sizing import HopTail, Safety, measure, recommended_safety_hops, remember
from tests.models import tiny_model

RATE, HOP = 44100, 512
NORMAL = Priority(enabled=False, period_ns=10**7)


@pytest.fixture(autouse=True)
def kept_in(monkeypatch, tmp_path):
    path = tmp_path / "cache" / "hop-times.json"
    monkeypatch.setattr(sizing, "_kept_in", lambda: path)
    return path


@pytest.fixture
def separator(tmp_path):
    made = Separator(read_model_spec(tiny_model(tmp_path / "tiny.onnx")), "cpu")
    yield made
    made.close()


@pytest.fixture
def measured(monkeypatch):
    """Measurements give `measured.tail`; `measured.count` says how many there were."""

    class Measured:
        tail, count = HopTail(2600.0, 1030), 0

    def pretend(_separator, _priority):
        Measured.count += 1
        return Measured.tail

    monkeypatch.setattr(sizing, "measure", pretend)
    return Measured


@pytest.mark.parametrize(
    ("slowest_us", "block_hops", "expected"),
    [
        (100.0, 0.5, 0.25),  # the least, however fast the machine is
        (4000.0, 0.5, 0.25),  # 0.6 hops needed, of which a block gives 0.5
        (6000.0, 0.5, 0.5),  # 0.9 - 0.5
        (6000.0, 0.125, 1.0),  # 0.9 - 0.125
        (20000.0, 0.5, 2.5),
    ],
)
def test_recommended_waiting_time(slowest_us, block_hops, expected):
    assert recommended_safety_hops(slowest_us, 10_000.0, block_hops) == expected


def test_a_quick_hop_still_gets_time_to_wake_up():
    assert recommended_safety_hops(100.0, 2_000.0, 0.0) == 0.75  # 1.1 ms of 2, not 0.15 of 2


def test_a_fixed_number_is_kept_and_nothing_measured(separator, measured):
    safety = Safety(0.3)
    safety.prepare(separator, NORMAL)
    assert safety.hops(RATE, HOP, 64) == 0.3
    assert safety.sentence(RATE, HOP, 64) == ""
    assert measured.count == 0


def test_auto_waits_longer_for_a_slower_model_and_for_smaller_blocks(separator, measured, kept_in):
    def chosen(p999_us, block):
        kept_in.unlink(missing_ok=True)
        measured.tail = HopTail(p999_us, 1030)
        safety = Safety("auto")
        safety.prepare(separator, NORMAL)
        return safety.hops(RATE, HOP, block)

    waits = [chosen(p999_us, 256) for p999_us in (300.0, 2600.0, 6000.0, 11_000.0)]
    assert waits == [0.25, 0.25, 0.5, 1.0]
    assert chosen(6000.0, 32) == 0.75


def test_the_sentence_says_what_was_chosen_and_why(separator, measured):
    safety = Safety("auto")
    safety.prepare(separator, NORMAL)
    told = safety.sentence(RATE, HOP, 256)
    assert told.startswith("safety 0.25 hops chosen: p99.9 of a hop 2.6 of 11.6 ms")


def test_what_was_measured_is_kept_for_the_next_start(separator, measured):
    for _ in range(2):
        Safety("auto").prepare(separator, NORMAL)
    assert measured.count == 1
    Safety("auto").prepare(separator, Priority(enabled=True, period_ns=10**7))
    assert measured.count == 2  # other rights, other times


def test_another_model_is_measured(tmp_path, separator, measured):
    Safety("auto").prepare(separator, NORMAL)
    path = tiny_model(tmp_path / "other.onnx", gains=(0.1, 0.2, 0.3, 0.4))
    other = Separator(read_model_spec(path), "cpu")
    Safety("auto").prepare(other, NORMAL)
    other.close()
    assert measured.count == 2


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"x": 3}', b"\xff", b'{"x": {}}'])
def test_a_damaged_file_is_measured_anew(separator, measured, kept_in, damage):
    kept_in.parent.mkdir()
    kept_in.write_bytes(damage)
    for _ in range(2):
        Safety("auto").prepare(separator, NORMAL)
    assert measured.count == 1


def test_a_folder_that_takes_nothing_is_no_error(separator, measured, kept_in):
    kept_in.parent.write_text("a file where the folder should be")
    for _ in range(2):
        Safety("auto").prepare(separator, NORMAL)
    assert measured.count == 2


def test_few_hops_are_not_kept(separator, kept_in):
    remember(separator, HopTail(100.0, 20))
    assert not kept_in.exists()


def test_measuring_takes_the_tail_and_leaves_no_trace_in_the_model(separator):
    noise = np.random.default_rng(1).standard_normal((4 * HOP, 2)).astype(np.float32)
    before = separator.process(noise)
    separator.reset()
    tail = measure(separator, NORMAL)
    assert np.array_equal(separator.process(noise), before)
    assert tail.count >= 1000
    assert 20.0 < tail.p999_us < 1e6
