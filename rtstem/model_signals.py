"""Test signals for model_check: noise, something like music, and what no music holds.

All are stereo float32 [frames, 2], full scale 1.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Audio = npt.NDArray[np.float32]

_CHORDS = ((110.0, 138.6, 164.8), (98.0, 123.5, 146.8), (130.8, 164.8, 196.0), (87.3, 110.0, 130.8))
_BEAT_SECONDS = 0.5
_SECTION_SECONDS = 5.0
_SECTION_LEVELS = (1.0, 0.25, 0.7, 0.02)


def noise(frames: int, seed: int, level: float = 0.2) -> Audio:
    """White noise, different on both sides, with the standard deviation `level`."""
    generator = np.random.default_rng(seed)
    return generator.standard_normal((frames, 2), np.float32) * np.float32(level)


def music(frames: int, rate: int, start: int = 0) -> Audio:
    """`frames` of an endless piece from frame `start` on: chords, bass, drums, a wavering voice.

    Loud and quiet sections of 5 s take turns, so that a period of 20 s repeats.
    """
    t = (start + np.arange(frames)) / rate
    beat = t % _BEAT_SECONDS
    count = (t // _BEAT_SECONDS).astype(np.int64)
    level = np.asarray(_SECTION_LEVELS)[(t // _SECTION_SECONDS).astype(np.int64) % 4]
    chord = np.asarray(_CHORDS)[count // 4 % 4]
    hiss = np.random.default_rng(start).standard_normal((frames, 2))
    kick = np.sin(60.0 * np.exp(-beat * 12.0)) * np.exp(-beat * 10.0)
    snare = hiss * (np.exp(-beat * 25.0) * (count % 2))[:, None]
    bass = np.sin(2 * np.pi * chord[:, 0] / 2 * t) * np.exp(-beat * 3.0)
    pad = sum(np.sin(2 * np.pi * chord[:, i] * k * t) / k for i in range(3) for k in (1, 2, 3))
    voice = np.sin(2 * np.pi * 440.0 * t + 3.0 * np.sin(2 * np.pi * 5.5 * t))
    left = 0.3 * kick + 0.2 * bass + 0.04 * pad + 0.12 * voice
    right = 0.3 * kick + 0.2 * bass - 0.02 * pad + 0.12 * voice
    mix = np.stack([left, right], axis=1) + 0.1 * snare
    return (level[:, None] * mix).astype(np.float32)


def extremes(frames: int, rate: int) -> Iterator[tuple[str, Audio]]:
    """Named signals that a broken cable, a synthesiser or a bug can send."""
    t = np.arange(frames) / rate
    square = np.sign(np.sin(2 * np.pi * 100.0 * t + 0.1))
    clicks = np.zeros(frames)
    clicks[:: max(1, rate // 10)] = 1.0
    signals = {
        "full-scale square": square,
        "DC": np.ones(frames),
        "Nyquist": np.where(np.arange(frames) % 2 == 0, 1.0, -1.0),
        "clicks": clicks,
        # by its bits: arithmetic may flush such numbers to 0
        "denormals": np.full(frames, 71_362, np.int32).view(np.float32),
        "24 dB above full scale": 16.0 * square,
    }
    for name, signal in signals.items():
        yield name, np.repeat(signal.astype(np.float32)[:, None], 2, axis=1)
    opposed = np.stack([square, -square], axis=1)
    yield "opposed sides", opposed.astype(np.float32)
