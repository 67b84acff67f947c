"""The check that a virtual output is the delayed input."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from rtstem.io.loop import LoopReader
from rtstem.soak_exact import ExactCheck

RATE, DELAY = 44100, 1344


@pytest.fixture
def audio(tmp_path):
    made = np.random.default_rng(3).uniform(-0.5, 0.5, (RATE, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", made, RATE, subtype="FLOAT")
    return made


@pytest.fixture
def check(tmp_path, audio):
    made = ExactCheck(LoopReader(tmp_path / "a.wav"), (2, 3))
    made.delay = lambda: DELAY
    yield made
    made.close()


def play(check, audio, delay=DELAY, seconds=4, spoil=None):
    """Give `check` the looped input on channels 3 and 4, `delay` frames late, in odd blocks."""
    out = np.zeros((seconds * RATE, 4), np.float32)
    out[delay:, 2:] = np.resize(audio, (len(out) - delay, 2))
    if spoil is not None:
        out[spoil, 3] += np.float32(1e-7)
    for start in range(0, len(out), 1000):
        check(out[start : start + 1000])


def test_the_delayed_input_is_exact_over_the_end_of_the_file(check, audio):
    play(check, audio)
    assert (check.compared, check.bad) == (4 * RATE, 0)
    assert check.measured() == DELAY


def test_one_bit_is_seen(check, audio):
    play(check, audio, spoil=3 * RATE + 7)
    assert check.bad == 1


def test_another_delay_is_seen_and_found(check, audio):
    play(check, audio, delay=DELAY + 5)
    assert check.bad > RATE
    assert check.measured() == DELAY + 5


def test_sound_before_the_delay_is_seen(check, audio):
    play(check, audio, spoil=3)
    assert check.bad == 1


def test_after_lost_frames_nothing_is_compared(check, audio):
    play(check, audio)
    check.broken = lambda: True
    play(check, audio)
    assert check.gave_up
    assert check.bad == 0
    assert check.compared < 5 * RATE


def test_the_fade_at_the_end_is_not_compared(check, audio):
    play(check, audio)
    check.end()
    check(np.zeros((1000, 4), np.float32))
    assert (check.compared, check.bad) == (4 * RATE, 0)


def test_nothing_heard_has_no_delay(check):
    assert check.measured() is None
