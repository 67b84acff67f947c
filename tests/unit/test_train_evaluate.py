"""The measure of the evaluation, on signals whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tools.train import evaluate


def test_sdr_of_known_distortion() -> None:
    reference = np.ones((1000, 2), np.float32)
    assert evaluate.sdr(reference, reference * 0.9) == pytest.approx(20.0, abs=1e-3)
    assert evaluate.sdr(reference, np.zeros_like(reference)) == pytest.approx(0.0, abs=1e-6)


def test_song_is_scored_against_its_true_stems(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("vocals", "drums", "bass"):
        sf.write(tmp_path / f"{name}.ogg", rng.normal(0, 0.05, (44_100, 2)), 44_100)
    stems, rate = evaluate.load_stems(tmp_path)

    def perfect(mixture: np.ndarray, rate: int) -> dict[str, np.ndarray]:
        return {**stems, "other": np.zeros_like(mixture)}

    scores = evaluate.score_song(tmp_path, perfect)
    assert rate == 44_100
    assert set(scores) == {"vocals", "drums", "bass", "accompaniment"}
    assert all(estimate > 100 for estimate, _ in scores.values())
    assert scores["vocals"][1] == pytest.approx(-3.0, abs=0.3)


def test_medians_by_group() -> None:
    songs = {
        "MusicDelta_A": {"vocals": (4.0, -2.0)},
        "MusicDelta_B": {"vocals": (6.0, 1.0)},
        "mir1k-x": {"vocals": (3.0, 0.0)},
    }
    summary = evaluate.summarise(songs)
    assert summary["MusicDelta"]["vocals"] == {"sdr": 5.0, "improvement": 5.5}
    assert summary["all"]["vocals"] == {"sdr": 4.0, "improvement": 5.0}
    assert "**median MIR-1K**" in evaluate.table(songs, summary)
