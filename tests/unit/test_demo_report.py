"""What the demo measures on a recording, tried on recordings with known faults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rtstem.demo import Recording
from rtstem.demo_picture import BANDS, spectrogram
from rtstem.demo_report import SILENT_DB, level_db, measure_delay, measure_sections
from rtstem.demo_script import Played, Section

RATE = 44100
GAINS = {"vocals": 0.0, "rest": 1.0}


def noise(seconds: float = 2.0, seed: int = 1) -> np.ndarray:
    frames = round(seconds * RATE)
    return np.random.default_rng(seed).standard_normal((frames, 2)).astype(np.float32) * 0.1


def recording() -> Recording:
    vocals, rest = noise(seed=2), noise(seed=3)
    heard = vocals + rest
    mix = heard.copy()
    mix[RATE:] = rest[RATE:]
    return Recording(heard, mix, {"vocals": vocals, "rest": rest}, heard)


def played() -> list[Played]:
    up = dict.fromkeys(GAINS, 1.0)
    return [
        Played(Section("up", 0.0, 1.0), 0.0, 0.0, 1.0, up),
        Played(Section("down", 1.0, 2.0), 1.0, 1.0, float("inf"), GAINS),
    ]


@pytest.mark.parametrize("delay", [0, 1, 1344, 20_000])
def test_delay_is_found_to_the_frame(delay):
    heard = noise()
    raw = np.concatenate((np.zeros((delay, 2), np.float32), heard))
    assert measure_delay(heard, raw, RATE) == delay


def test_delay_of_a_louder_echo_is_not_taken_for_the_signal():
    heard = noise()
    raw = np.zeros((len(heard) + RATE, 2), np.float32)
    raw[1344 : 1344 + len(heard)] = heard
    raw[9000 : 9000 + len(heard)] += 0.5 * heard
    assert measure_delay(heard, raw, RATE) == 1344


def test_silence_has_no_delay():
    assert measure_delay(np.zeros((RATE, 2), np.float32), noise(), RATE) is None


def test_delay_of_one_frame_of_song():
    raw = np.zeros((2000, 2), np.float32)
    raw[1344] = 0.5
    assert measure_delay(raw[1344:1345], raw, RATE) == 1344


def test_faithful_mix_is_exact_where_all_is_up_and_without_error_below():
    up, down = measure_sections(played(), recording(), RATE)
    assert up.exact is True
    assert up.error_db < -120.0
    assert down.exact is None
    assert down.error_db == SILENT_DB
    assert down.stems_db["vocals"] == pytest.approx(-20.0, abs=0.2)
    assert (up.fallback_frames, down.fallback_frames) == (0, 0)


def test_one_wrong_bit_is_not_exact():
    broken = recording()
    broken.mix[RATE // 2, 1] = np.nextafter(broken.mix[RATE // 2, 1], np.float32(2.0))
    assert measure_sections(played(), broken, RATE)[0].exact is False


def test_vocals_left_in_the_mix_show_as_error():
    leaky = recording()
    leaky.mix[RATE:] += 0.01 * leaky.stems["vocals"][RATE:]
    peak = 0.01 * np.abs(leaky.stems["vocals"][round(1.1 * RATE) :]).max()
    error = measure_sections(played(), leaky, RATE)[1].error_db
    assert error == pytest.approx(20.0 * np.log10(peak), abs=0.1)


def test_dry_signal_in_place_of_stems_is_counted_and_no_error():
    late = recording()
    gap = slice(round(1.5 * RATE), round(1.5 * RATE) + 512)
    late.mix[gap] = late.heard[gap]
    for stem in late.stems.values():
        stem[gap] = late.heard[gap]
    down = measure_sections(played(), late, RATE)[1]
    assert 500 <= down.fallback_frames <= 512  # near a zero crossing the two can agree
    assert down.error_db == SILENT_DB


def test_sections_too_short_to_settle_are_left_out():
    short = [replace(part, until=part.settled + 0.12) for part in played()]
    assert measure_sections(short, recording(), RATE) == []


def test_computed_mix_claims_no_exactness():
    offline = replace(recording(), raw=None)
    assert measure_sections(played(), offline, RATE)[0].exact is None


def test_levels():
    assert level_db(np.full((100, 2), 0.1, np.float32)) == pytest.approx(-20.0, abs=0.01)
    assert level_db(np.zeros((100, 2), np.float32)) == SILENT_DB


def test_spectrogram_shows_a_tone_in_its_band_and_survives_one_frame():
    times = np.arange(RATE)[:, None] / RATE
    tone = np.sin(2 * np.pi * 1000.0 * times).repeat(2, axis=1).astype(np.float32)
    levels = spectrogram(tone, RATE)
    place = np.log(1000.0 / 50.0) / np.log(16000.0 / 50.0) * BANDS
    assert abs(int(levels[:, levels.shape[1] // 2].argmax()) - place) < 2.0
    assert spectrogram(tone[:1], RATE).shape == (BANDS, 1)
