"""The bundled model separates a clip that the project made itself as well as when it was shipped.

The clip is synthetic and says nothing about real music (models/live.md does); it notices an export,
a transform or a streaming path that lost quality.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtstem import separate
from tools.train.evaluate import load_stems, sdr

CLIP = Path(__file__).parents[1] / "data" / "demo_stems"
SHIPPED = {"vocals": 4.2, "drums": 3.8, "bass": 3.2, "other": 1.7}  # dB, signal to distortion
TOLERANCE = 0.3  # kernels of other processors and later exports round differently


@pytest.fixture(scope="module")
def stems() -> dict[str, np.ndarray]:
    return load_stems(CLIP)[0]


@pytest.fixture(scope="module")
def estimates(stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return separate(np.sum(list(stems.values()), axis=0), 44_100)


@pytest.mark.parametrize("stem", SHIPPED)
def test_quality_is_what_was_shipped(stem: str, stems: dict, estimates: dict) -> None:
    assert sdr(stems[stem], estimates[stem]) == pytest.approx(SHIPPED[stem], abs=TOLERANCE)


def test_voices_alone_stay_whole(stems: dict) -> None:
    """Real voices come out at more than 30 dB; these are synthetic."""
    assert sdr(stems["vocals"], separate(stems["vocals"], 44_100)["vocals"]) > 11


def test_music_without_voices_leaves_the_vocals_nearly_silent(stems: dict) -> None:
    music = stems["drums"] + stems["bass"] + stems["other"]
    leak = separate(music, 44_100)["vocals"]
    assert 10 * np.log10(np.square(leak).sum() / np.square(music).sum()) < -10
