"""The bundled models separate a clip that the project made itself as well as when they were shipped.

The clip is synthetic and says nothing about real music (the cards in models/ do); it notices an export,
a transform or a streaming path that lost quality.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtstem import separate
from rtstem.resources import model_names
from tools.evaluation.scores import load_stems, sdr

CLIP = Path(__file__).parents[1] / "data" / "demo_stems"
SHIPPED = {  # dB, signal to distortion
    "live": {"vocals": 3.2, "drums": 4.0, "bass": 2.4, "other": 0.2},
    "studio": {"vocals": 3.1, "drums": 4.0, "bass": 2.4, "other": 0.0},
    "tight": {"vocals": 3.6, "drums": 3.6, "bass": 2.5, "other": 0.9},
}
TOLERANCE = 0.3  # kernels of other processors and later exports round differently


@pytest.fixture(scope="module")
def stems() -> dict[str, np.ndarray]:
    return load_stems(CLIP)[0]


def test_all_bundled_models_are_looked_after() -> None:
    assert set(SHIPPED) == set(model_names())


@pytest.mark.parametrize("model", SHIPPED)
def test_quality_is_what_was_shipped(model: str, stems: dict[str, np.ndarray]) -> None:
    estimates = separate(np.sum(list(stems.values()), axis=0), 44_100, model=model)
    figures = {name: sdr(stem, estimates[name]) for name, stem in stems.items()}
    assert figures == pytest.approx(SHIPPED[model], abs=TOLERANCE)


@pytest.mark.parametrize("model", SHIPPED)
def test_voices_alone_stay_whole(model: str, stems: dict[str, np.ndarray]) -> None:
    """Real voices come out at more than 30 dB; these are synthetic."""
    assert sdr(stems["vocals"], separate(stems["vocals"], 44_100, model=model)["vocals"]) > 11


@pytest.mark.parametrize("model", SHIPPED)
def test_music_without_voices_leaves_the_vocals_nearly_silent(
    model: str, stems: dict[str, np.ndarray]
) -> None:
    music = stems["drums"] + stems["bass"] + stems["other"]
    leak = separate(music, 44_100, model=model)["vocals"]
    assert 10 * np.log10(np.square(leak).sum() / np.square(music).sum()) < -20
