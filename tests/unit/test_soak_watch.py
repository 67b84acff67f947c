"""What a soak reads second by second, from an engine and a machine made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtstem import soak_watch
from rtstem.control.telemetry import Timings
from rtstem.rt import board as b
from rtstem.soak_machine import Machine, look
from rtstem.soak_watch import MAX_SAMPLES, Watch


class Snapshot:
    missed_blocks = concealed_blocks = late_hops = held_hops = 0
    deadline_misses = xruns = input_underflows = model_faults = 0


class Rig:
    """An engine and a machine whose figures a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = self.stream = 0.0
        self.shown = Snapshot()
        self.callback = np.zeros(b.HIST_BINS, np.int64)
        self.hop = np.zeros(b.HIST_BINS, np.int64)
        self.machine = Machine(300.0, 10, None, None, None, None)

    def timings(self) -> Timings:
        return Timings(self.callback.copy(), self.hop.copy(), self.seconds, self.stream)

    def snapshot(self) -> Snapshot:
        return self.shown


@pytest.fixture
def rig(monkeypatch):
    made = Rig()
    monkeypatch.setattr(soak_watch, "look", lambda: made.machine)
    return made


def run(rig, watch, seconds, rss=lambda t: 300.0, clock=1.0, step=0.5):
    for _ in range(round(seconds / step)):
        rig.seconds += step
        rig.stream += step * clock
        rig.machine = replace(rig.machine, rss_mb=rss(rig.seconds))
        watch.step()


@pytest.mark.parametrize(("mb_per_hour", "found"), [(0.0, 0.0), (360.0, 360.0), (-36.0, -36.0)])
def test_growth_is_the_slope_after_the_warm_up(rig, mb_per_hour, found):
    watch = Watch(rig, 600)
    run(rig, watch, 600, lambda t: 200 + min(t, 100) + mb_per_hour * t / 3600)
    growth = watch.growth()
    assert growth.mb_per_hour == pytest.approx(found, abs=0.5)
    assert growth.mb == pytest.approx(mb_per_hour * 480 / 3600, abs=abs(mb_per_hour) / 60 + 0.01)


def test_memory_that_comes_and_goes_is_no_growth(rig):
    watch = Watch(rig, 600)
    run(rig, watch, 600, lambda t: 300 + 32 * (t % 3 == 0) + 60 * (t > 560 and t % 2 == 0))
    assert watch.growth().mb == 0.0


def test_little_is_no_ground_for_a_figure(rig):
    watch = Watch(rig, 600)
    run(rig, watch, 100)
    assert watch.growth() is None
    assert watch.warm_threads is None
    assert Watch(rig, 600).drift_ppm() is None


@pytest.mark.parametrize("ppm", [0.0, 80.0, -300.0])
def test_drift_is_found_through_the_steps_of_the_blocks(rig, ppm):
    watch = Watch(rig, 600)
    run(rig, watch, 600, clock=1 + ppm * 1e-6)
    noise = np.random.default_rng(2).uniform(0, 0.006, len(watch._stream))
    for n, late in enumerate(noise):
        watch._stream[n] -= late
    drift, unsure = watch.drift_ppm()
    assert drift == pytest.approx(ppm, abs=unsure)
    assert 0 < unsure < 2


def test_a_sample_has_the_times_of_its_stretch_alone(rig):
    watch = Watch(rig, 60)
    rig.hop[230], rig.callback[20] = 40, 80
    run(rig, watch, 0.5)
    rig.hop[230] += 20
    rig.hop[900] += 1
    rig.callback[1000] += 1
    rig.shown.late_hops = 2
    run(rig, watch, 0.5)
    run(rig, watch, 0.5)
    first, second, third = watch.samples
    assert (first.hop_p50, first.hop_max, first.callback_max, first.troubles) == (2310, 2310, 21, 0)
    assert (second.hop_p50, second.hop_max, second.callback_max) == (2310, 9010, 1001)
    assert (second.troubles, third.troubles) == (2, 0)


def test_a_long_soak_keeps_a_bounded_number_of_samples(rig):
    watch = Watch(rig, 86_400)
    run(rig, watch, 86_400, step=20)
    assert MAX_SAMPLES / 2 < len(watch.samples) <= MAX_SAMPLES


def test_heat_and_counters_of_the_machine(rig):
    rig.machine = Machine(300.0, 10, 50.0, 2600.0, 7, 1.0)
    watch = Watch(rig, 60)
    rig.machine = Machine(300.0, 12, 80.0, 1200.0, 9, 2.5)
    run(rig, watch, 30)
    rig.machine = replace(rig.machine, celsius=60.0)
    run(rig, watch, 1)
    assert watch.hottest == 80.0
    assert watch.difference(lambda machine: machine.throttled) == 2
    assert watch.difference(lambda machine: machine.stolen_seconds) == 1.5
    assert watch.warm_threads == watch.last.threads == 12


def test_what_the_machine_does_not_tell_is_none(rig):
    watch = Watch(rig, 60)
    run(rig, watch, 5)
    assert watch.hottest is None
    assert watch.difference(lambda machine: machine.throttled) is None


def test_this_machine_tells_its_memory_and_threads():
    machine = look()
    assert 20 < machine.rss_mb < 20_000
    assert machine.threads >= 1
    block = np.ones(256 << 17)  # 256 MiB, much more than what is given back meanwhile
    assert look().rss_mb > machine.rss_mb + 128
    assert len(block)
