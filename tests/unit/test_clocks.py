"""Two clocks in virtual time: the ring stays where it is set, the drift is known, gaps heal."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.rt.capture import FADE, GONE
from rtstem.rt.resample import reach
from tests.two_clocks import PRIMING, play

RATE = 44100
SINE = (0.5 * np.sin(2 * np.pi * 1000 / RATE * np.arange(441))).astype(np.float32)  # ten periods
HOUR = 3600.0
SETTLED = 30 * RATE // 256  # blocks
JITTER = 2e-4  # s
MARGIN = 132  # frames: 3 ms


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_an_hour_at_200_ppm_has_a_bounded_ring_and_no_gap(ppm):
    run = play(SINE, HOUR, ppm=ppm, jitter=JITTER, margin=MARGIN)
    assert len(run.fill) * 256 / RATE > HOUR - 1
    assert not run.short.any()
    assert run.resyncs == 0
    settled = run.away[SETTLED:]
    assert np.abs(settled).max() < 3.0  # frames: 68 us, in an hour that drifts by 31752
    assert np.abs(run.ppm[SETTLED:] - ppm).max() < 5.0
    assert abs(run.ppm[SETTLED:].mean() - ppm) < 0.2
    fill, middle = run.fill[PRIMING + 1 :], run.delay + 256 / 2
    assert np.abs(fill - middle).max() < 256 / 2 + MARGIN


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [((44100, 48000), (512, 128)), ((48000, 44100), (128, 1024)), ((96000, 44100), (480, 441))],
)
def test_devices_of_other_rates_and_block_sizes(rates, sizes):
    run = play(SINE, 120.0, ppm=-90.0, rates=rates, sizes=sizes, jitter=1e-4, margin=MARGIN)
    assert not run.short.any()
    assert run.resyncs == 0
    assert np.abs(run.away[-1000:]).max() < 5.0
    assert abs(run.ppm[-1000:].mean() + 90.0) < 2.0


@pytest.mark.parametrize("ppm", [0.0, 150.0])
def test_the_sine_that_is_heard_has_its_true_pitch_and_no_click(ppm):
    keep = 20 * RATE
    run = play(SINE, 20.0, ppm=ppm, jitter=JITTER, keep=keep)
    heard = run.out[0, 5 * RATE : 19 * RATE].astype(np.float64)
    assert np.array_equal(run.out[0], run.out[1])
    # y[n+1] + y[n-1] = 2 cos(w) y[n] for a sine; a click, or a jump of the phase, breaks it
    angle = 2 * np.pi * 1000 / RATE * (1 + ppm * 1e-6)
    off = heard[2:] + heard[:-2] - 2 * np.cos(angle) * heard[1:-1]
    assert np.abs(off).max() < 1e-5
    assert abs(np.abs(heard).max() - 0.5) < 1e-3


def test_the_delay_is_the_declared_one():
    """An impulse, and when it is heard: by the clocks, not by when the callbacks happened to come."""
    wave = np.zeros(40 * RATE, np.float32)
    wave[30 * RATE] = 1.0
    run = play(wave, 32.0, ppm=100.0, jitter=JITTER, keep=32 * RATE)
    heard = int(np.argmax(np.abs(run.out[0])))
    # frame i of the input comes (i + 1) frames after 0, in a block that is called when it is whole;
    # the first output block is asked for 0.3 blocks after 0
    played = 30 * RATE / (1 + 100e-6)
    start = 0.3 * 256 / (1 + 100e-6)
    assert abs((heard + start) - (played + run.delay + 256)) < 3.0


@pytest.mark.parametrize("lost", [0, 1])
def test_a_late_input_is_concealed_counted_and_comes_back_to_its_place(lost):
    run = play(SINE, 10.0, jitter=1e-4, still=[(0, 5.0, 5.040, lost)], keep=9 * RATE)
    assert 3 < run.short.sum() < 12
    assert not run.short[run.asked > 5.1].any()
    assert np.abs(run.away[run.asked > 5.3]).max() < 20.0
    heard = run.out[0].astype(np.float64)
    assert np.abs(np.diff(heard[RATE:])).max() < 0.09  # a sine's steepest: 0.071; no click
    gap = heard[int(4.99 * RATE) : int(5.05 * RATE)]
    loud = np.abs(gap[: len(gap) // 49 * 49]).reshape(-1, 49).max(axis=1)
    assert loud.min() > 0.1  # it is bridged, not silent


def test_an_input_that_stays_away_fades_to_silence_and_returns():
    run = play(SINE, 10.0, still=[(0, 5.0, 6.0, 1)], keep=9 * RATE)
    heard = np.abs(run.out[0])
    assert heard[int(5.02 * RATE) + GONE : int(5.9 * RATE)].max() == 0.0
    assert heard[int(6.1 * RATE) :].max() > 0.49
    assert run.short.sum() == pytest.approx(RATE / 256, abs=8)
    assert np.abs(np.diff(run.out[0][RATE:])).max() < 0.09
    assert run.fill[-1] == pytest.approx(run.delay + 128, abs=160)


@pytest.mark.parametrize("side", [0, 1])
def test_a_stream_that_lost_blocks_is_put_in_its_place_at_once(side):
    """A host's under- or overrun: the delay is what it was, with a crossfade and no click."""
    run = play(SINE, 10.0, jitter=1e-4, still=[(side, 5.0, 5.3, 1)], keep=9 * RATE)
    later = run.asked > 5.5
    assert not run.short[later].any()
    assert run.fill[later].max() < run.delay + 256 + MARGIN
    assert np.abs(run.away[later]).max() < 20.0
    assert np.abs(np.diff(run.out[0][RATE:])).max() < 0.09
    assert run.resyncs == 0  # the clocks are set anew; what is far off then was no jump of the ring


def test_callbacks_that_are_later_than_the_margin_are_counted_not_followed():
    run = play(SINE, 60.0, ppm=50.0, jitter=2e-3, margin=44)
    assert run.short.any()
    assert abs(run.ppm[-1] - 50.0) < 15.0
    assert np.abs(run.away[-500:]).max() < 44


def test_delay_is_a_block_the_reach_and_the_margin():
    run = play(SINE, 1.0, sizes=(256, 128), margin=100)
    assert run.delay == 128 + reach(1.0) + 1 + 100
    assert FADE == 64
