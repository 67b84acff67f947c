"""The measure of the evaluation, on signals whose answer is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.models import tiny_model
from tools import evaluate
from tools.evaluate import Score

ROOT = Path(__file__).resolve().parents[2]


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
    assert all(score.sdr > 100 and score.si_sdr > 100 for score in scores.values())
    assert scores["vocals"].mixture_sdr == pytest.approx(-3.0, abs=0.3)


def test_si_sdr_forgives_the_gain_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    reference, noise = rng.normal(0, 0.1, (2, 20_000, 2)).astype(np.float32)
    assert evaluate.si_sdr(reference, 0.3 * reference) > 90
    noisy = 0.5 * reference + 0.05 * noise
    assert evaluate.si_sdr(reference, noisy) == pytest.approx(20.0, abs=0.2)
    assert evaluate.sdr(reference, noisy) == pytest.approx(6.0, abs=0.2)


SONGS = {
    "MusicDelta_A": {"vocals": Score(4.0, 3.5, -2.0)},
    "MusicDelta_B": {"vocals": Score(6.0, 5.0, 1.0)},
    "mir1k-x": {"vocals": Score(1.4, 1.0, 0.0)},
}


def test_medians_and_means_by_group() -> None:
    summary = evaluate.summarise(SONGS)
    assert summary["MusicDelta"]["vocals"] == {
        "sdr": 5.0, "improvement": 5.5, "si_sdr": 4.25, "mean_sdr": 5.0,
    }  # fmt: skip
    assert summary["all"]["vocals"] == {
        "sdr": 4.0, "improvement": 5.0, "si_sdr": 3.5, "mean_sdr": 3.8,
    }  # fmt: skip
    lines = evaluate.table(SONGS, summary).splitlines()
    assert "| **median MIR-1K** | 1.40 (+1.40) |  |  |  |  |" in lines
    assert "| mean SDR MusicDelta | 5.00 |  |  |  |  |" in lines


def test_picture_shows_every_song(tmp_path: Path) -> None:
    evaluate.draw("live", tmp_path / "songs.svg", evaluate.pictured(SONGS))
    picture = (tmp_path / "songs.svg").read_text()
    assert all(f"<!-- {name} -->" in picture for name in (*SONGS, "vocals", "median 4.0 dB"))


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_folder_is_measured_and_wrong_input_is_told_in_a_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    song = tmp_path / "songs" / "a"
    song.mkdir(parents=True)
    for name in ("vocals", "accompaniment"):
        sf.write(song / f"{name}.ogg", rng.normal(0, 0.05, (44_100, 2)), 44_100)
    model = tiny_model(tmp_path / "tiny.onnx")
    scores = tmp_path / "scores.json"
    done = run(model, tmp_path / "songs", "--json", scores, "--plot", tmp_path / "songs.png")
    assert done.returncode == 0, done.stderr
    told = json.loads(scores.read_text())
    assert set(told["songs"]["a"]) == {"vocals", "accompaniment"}
    assert set(told["songs"]["a"]["vocals"]) == {"sdr", "si_sdr", "mixture_sdr"}
    assert told["summary"]["all"]["vocals"]["sdr"] == round(told["songs"]["a"]["vocals"]["sdr"], 2)
    assert (tmp_path / "songs.png").read_bytes().startswith(b"\x89PNG")
    for arguments, line in (
        ((model, tmp_path / "none"), "no songs; a song is a folder with vocals.ogg"),
        ((tmp_path / "none.onnx", tmp_path / "songs"), "none.onnx"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert line in failed.stderr
        assert "Traceback" not in failed.stderr
