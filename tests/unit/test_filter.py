"""The filter knob: exactly off in the centre, low-pass left, high-pass right, no step on the way."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.rt.filter import cutoff_hz, filter_stem

RATE, SLEW = 44100, 1024


def run(samples: np.ndarray, target: float, knob: float = 0.0, block: int = 256):
    """Filtered [2, n] and the knob at the end."""
    memory, out = np.zeros((2, 2), np.float32), samples.copy()
    delta = np.zeros((2, block), np.float32)
    for start in range(0, samples.shape[1], block):
        part = np.ascontiguousarray(samples[:, start : start + block])
        before = knob
        knob = filter_stem(
            part, part.shape[1], np.float32(knob), np.float32(target), SLEW, RATE, memory, delta
        )
        if before != 0 or target != 0:
            out[:, start : start + block] += delta[:, : part.shape[1]]
    return out, knob


def tone(hz: float, seconds: float = 0.5) -> np.ndarray:
    wave = np.sin(2 * np.pi * hz * np.arange(int(RATE * seconds)) / RATE).astype(np.float32)
    return np.stack([wave, -wave])


def level_db(samples: np.ndarray) -> float:
    tail = samples[:, samples.shape[1] // 2 :]
    return float(20 * np.log10(np.sqrt(2 * np.mean(tail**2)) + 1e-9))


def test_centre_changes_nothing():
    samples = tone(1000)
    out, knob = run(samples, 0.0)
    assert np.array_equal(out, samples)
    assert knob == 0


@pytest.mark.parametrize(
    ("knob", "hz", "expected"),
    [(-0.5, 100, 0), (-0.5, 10_000, -35), (0.5, 10_000, 0), (0.5, 50, -35), (-1, 2000, -50)],
)
def test_left_is_low_pass_and_right_is_high_pass(knob, hz, expected):
    out, reached = run(tone(hz), knob)
    assert reached == pytest.approx(knob)
    if expected == 0:
        assert abs(level_db(out)) < 1
    else:
        assert level_db(out) < expected


@pytest.mark.parametrize("knob", [-0.7, -0.3, 0.3, 0.7])
def test_cutoff_is_where_the_level_is_3_db_down(knob):
    out, _ = run(tone(cutoff_hz(np.float32(knob))), knob)
    assert level_db(out) == pytest.approx(-3.01, abs=0.3)


@pytest.mark.parametrize("block", [16, 100, 256])
def test_sweeps_through_the_centre_make_no_step(block):
    samples = tone(200)
    largest = np.abs(np.diff(samples)).max()  # 0.028
    for start, target in ((0.0, -1.0), (-1.0, 1.0), (1.0, 0.0)):
        out, _ = run(samples, target, knob=start, block=block)
        assert np.abs(np.diff(out)).max() < 1.5 * largest + 1e-3


def test_blocks_of_the_step_size_give_the_same_samples():
    samples = tone(500)
    assert np.array_equal(run(samples, -0.6, block=64)[0], run(samples, -0.6, block=256)[0])
