"""Voices with their effects, levels of the stems, and the gain that keeps the mix in range."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import drums, instruments, singer
from .dsp import (
    FRAMES,
    Audio,
    band,
    compress,
    fade_edges,
    level_db,
    pan,
    peak_filter,
    reverb,
    rms_db,
)
from .score import HARMONY, HARMONY_FROM_LINE, LYRIC, RATE, SEED, seconds

STEMS = ("vocals", "drums", "bass", "other")
# Level of each stem in dBFS rms over the whole song before the common gain.
LEVELS_DB = {"vocals": -17.0, "drums": -19.5, "bass": -20.5, "other": -20.0}
CEILING = 0.84


def strip(voice: Audio) -> Audio:
    """Channel strip of one voice: rumble cut, equaliser, two gentle compressors."""
    voice = band(voice, 110.0, 15000.0)
    voice = peak_filter(voice, 280.0, -2.0, 0.9)
    voice = peak_filter(voice, 2600.0, 1.5, 0.8)
    voice = peak_filter(voice, 9000.0, 4.0, 0.7)
    voice = voice * 10.0 ** ((-18.0 - rms_db(voice)) / 20.0)
    return compress(compress(voice, -20.0, 2.5, 0.12), -16.0, 3.0, 0.02)


def render_vocals() -> Audio:
    """The vocal stem, [frames, 2]: lead, two quiet doubles, a harmony, reverb and an echo."""
    speeches = [singer.analyse(line) for line in LYRIC]
    stereo = pan(strip(singer.render_voice(speeches, 0, None, 0)), 0.0)
    for take, (transpose, first, position, gain) in enumerate(
        (
            (None, HARMONY_FROM_LINE, -0.7, 0.16),
            (None, HARMONY_FROM_LINE, 0.7, 0.16),
            (HARMONY, HARMONY_FROM_LINE, -0.4, 0.22),
            (HARMONY, HARMONY_FROM_LINE, 0.45, 0.22),
        ),
        start=1,
    ):
        backing = strip(singer.render_voice(speeches, first, transpose, take))
        stereo = stereo + gain * pan(backing, position)
    send = band(stereo, 250.0, 8000.0)
    echo_frames = round(seconds(0.75) * RATE)
    echo = np.zeros_like(send)
    echo[echo_frames:] = send[:-echo_frames, ::-1]
    hall = reverb(send + 0.3 * echo, 1.5, 0.025, 250.0, 7500.0, SEED + 6)
    return stereo + 0.07 * echo + 0.17 * hall


def common_gain(total: Audio) -> Audio:
    """Gain per frame, the same for all stems, that presses the mix softly and caps its peaks."""
    over = np.maximum(0.0, level_db(total, 0.25) + 15.0)
    glue = 10.0 ** (-over * 0.4 / 20.0)
    peaks = np.max(np.abs(total), axis=1) * glue
    width = round(0.004 * RATE)
    held = ndimage.maximum_filter1d(np.maximum(peaks, CEILING), 2 * width + 1)
    cap = ndimage.gaussian_filter1d(CEILING / held, width / 3.0, truncate=3.0)
    return np.asarray(glue * cap)[:, None]


def render() -> dict[str, Audio]:
    """All stems, [frames, 2]; their sum is the mix and peaks below 0.9."""
    stems = {
        "vocals": render_vocals(),
        "drums": drums.render(),
        "bass": instruments.render_bass(),
        "other": instruments.render_other(),
    }
    for name in STEMS:
        stems[name] = stems[name] * 10.0 ** ((LEVELS_DB[name] - rms_db(stems[name])) / 20.0)
    gain = common_gain(np.sum([stems[name] for name in STEMS], axis=0))
    return {name: fade_edges(stems[name] * gain, 0.001, 0.6)[:FRAMES] for name in STEMS}
