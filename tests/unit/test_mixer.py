"""The exact mix, its ramps, the fallback crossfade and the meters."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.latency import FADE_FRAMES
from rtstem.rt import mixer
from rtstem.rt.held import make_held

HOP, STEMS = 128, 3


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def stamps_of(*ready: int, slots: int = 16) -> np.ndarray:
    stamps = np.full(slots, -1, np.int64)
    for number in ready:
        stamps[number % slots] = number
    return stamps


def weights(stamps, start, frames, fade=1.0):
    weight, state = np.zeros(8192, np.float32), np.array([fade], np.float32)
    missed = mixer.fade_weights(stamps, HOP, start, frames, weight, state, make_held(None), 0)
    return weight[:frames].copy(), float(state[0]), missed


def test_before_the_start_everything_is_ready():
    weight, fade, missed = weights(stamps_of(0), -256, 256)
    assert (weight == 1).all()
    assert fade == 1.0
    assert not missed


def test_stems_fade_out_before_a_gap_and_in_after_it():
    weight, fade, missed = weights(stamps_of(0, 1, 3, 4), 0, 4 * HOP)
    assert missed
    assert fade == 1.0
    assert (weight[: 2 * HOP - FADE_FRAMES] == 1).all()
    assert (weight[2 * HOP : 3 * HOP] == 0).all()
    assert weight[3 * HOP + FADE_FRAMES - 1] == 1
    assert np.abs(np.diff(weight)).max() <= 1 / FADE_FRAMES + 1e-7  # no step, no click


@pytest.mark.parametrize("frames", [16, 64, 100, 256])
def test_blocks_of_any_size_fade_without_a_step(frames):
    """The gap is only known when its block comes: the weight must already be low enough then."""
    fade, heard = 1.0, []
    for start in range(0, 8 * HOP, frames):
        done = [n for n in range(8) if n not in (4, 5) and (n + 1) * HOP <= start + 3 * HOP]
        weight, fade, _ = weights(stamps_of(*done), start, frames, fade)
        heard.append(weight)
    weight = np.concatenate(heard)
    assert (weight[4 * HOP : 6 * HOP] == 0).all()
    assert weight.max() == 1
    assert np.abs(np.diff(weight)).max() <= 1 / FADE_FRAMES + 1e-7


def mix(gains, targets, master=1.0, frames=256, slew=1024, dry=None, wet=None):
    dry = random(2, frames) if dry is None else dry
    wet = random(STEMS, 2, frames) if wet is None else wet
    row, bus = np.array([*gains, 1.0], np.float32), np.zeros((2, frames), np.float32)
    targets = np.array([*targets, master], np.float32)
    unfiltered = np.zeros(STEMS, np.float32)
    mixer.mix_bus(dry, wet, wet, unfiltered, frames, row, targets, slew, bus)
    return dry, wet, row, bus


def test_unity_is_the_dry_signal_bit_for_bit():
    dry, _, _, bus = mix([1, 1, 1], [1, 1, 1])
    assert np.array_equal(bus, dry)


def test_a_muted_stem_is_exactly_subtracted():
    dry, wet, _, bus = mix([1, 0, 1], [1, 0, 1])
    assert np.array_equal(bus, dry - wet[1])


def test_ramp_reaches_its_target_exactly_and_in_the_slew_time():
    dry, wet = np.ones((2, 600), np.float32), np.zeros((STEMS, 2, 600), np.float32)
    wet[0] = 1.0
    _, _, row, bus = mix([1, 1, 1], [0, 1, 1], frames=600, slew=512, dry=dry, wet=wet)
    assert row[0] == 0.0
    assert bus[0, 511] == 0.0
    assert (bus[0, 512:] == 0.0).all()
    assert bus[0, 0] < 1.0  # it begins with the first frame
    assert np.abs(np.diff(bus[0])).max() <= 1 / 512 + 1e-6


def test_ramp_continues_over_blocks():
    dry, wet = np.ones((2, 64), np.float32), np.zeros((STEMS, 2, 64), np.float32)
    wet[0] = 1.0
    gains, heard = [1.0, 1.0, 1.0], []
    for _ in range(10):
        _, _, row, bus = mix(gains, [0, 1, 1], frames=64, slew=512, dry=dry, wet=wet)
        gains = list(row[:3])
        heard.append(bus[0].copy())
    steps = np.diff(np.concatenate(heard))
    assert steps.min() >= -1 / 512 - 1e-6
    assert heard[-1][-1] == 0.0


def test_master_scales_everything():
    dry, _, row, bus = mix([1, 1, 1], [1, 1, 1], master=0.0, frames=2048)
    assert row[STEMS] == 0.0
    assert (bus[:, 1024:] == 0).all()
    assert np.abs(bus[:, :100]).max() > 0.5 * np.abs(dry[:, :100]).max()


def test_gather_reads_slots_in_order_and_skips_weight_zero():
    ring = random(16, STEMS, 2, HOP)
    weight = np.ones(300, np.float32)
    weight[100:150] = 0
    ring[1, :, :, :50] = np.nan  # must not be read: these frames have weight 0
    wet, peaks = np.zeros((STEMS, 2, 300), np.float32), np.zeros(STEMS, np.float32)
    start = HOP - 50 - 50
    weight[:] = 1
    weight[100:150] = 0
    mixer.gather_stems(ring, start, 300, weight, wet, peaks, np.float32(0.9))
    flat = np.concatenate(list(ring[:4]), axis=-1)[:, :, start : start + 300]
    flat[:, :, 100:150] = 0
    assert np.array_equal(wet, flat)
    assert np.allclose(peaks, np.abs(flat).max(axis=(1, 2)))


def test_bus_with_one_channel_is_the_mean():
    bus, out = random(2, 8), np.zeros(8 * 3, np.float32)
    mixer.write_bus(bus, 8, np.array([2, -1]), 3, out)
    assert np.allclose(out.reshape(8, 3)[:, 2], bus.mean(axis=0))
    assert (out.reshape(8, 3)[:, :2] == 0).all()


def test_meter_falls_to_zero():
    meter, silence = np.array([1.0, 0.5], np.float32), np.zeros((2, 64), np.float32)
    mixer.peak_meters(silence, 64, meter, np.float32(0.5))
    assert list(meter) == [0.5, 0.25]
    for _ in range(40):
        mixer.peak_meters(silence, 64, meter, np.float32(0.5))
    assert list(meter) == [0.0, 0.0]
