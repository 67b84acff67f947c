"""The measure of the evaluation, on signals whose answer is known."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from rtstem import separate
from tests.models import tiny_model
from tools import evaluate
from tools.evaluation import robustness, scores
from tools.evaluation.scores import Score

ROOT = Path(__file__).resolve().parents[2]


def test_sdr_of_known_distortion() -> None:
    reference = np.ones((1000, 2), np.float32)
    assert scores.sdr(reference, reference * 0.9) == pytest.approx(20.0, abs=1e-3)
    assert scores.sdr(reference, np.zeros_like(reference)) == pytest.approx(0.0, abs=1e-6)


def test_song_is_scored_against_its_true_stems(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("vocals", "drums", "bass"):
        sf.write(tmp_path / f"{name}.ogg", rng.normal(0, 0.05, (44_100, 2)), 44_100)
    stems, rate = scores.load_stems(tmp_path)

    def perfect(mixture: np.ndarray, rate: int) -> dict[str, np.ndarray]:
        return {**stems, "other": np.zeros_like(mixture)}

    found = scores.score_song(tmp_path, perfect)
    assert rate == 44_100
    assert set(found) == {"vocals", "drums", "bass", "accompaniment"}
    assert all(score.sdr > 100 and score.si_sdr > 100 for score in found.values())
    assert found["vocals"].mixture_sdr == pytest.approx(-3.0, abs=0.3)


def test_si_sdr_forgives_the_gain_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    reference, noise = rng.normal(0, 0.1, (2, 20_000, 2)).astype(np.float32)
    assert scores.si_sdr(reference, 0.3 * reference) > 90
    noisy = 0.5 * reference + 0.05 * noise
    assert scores.si_sdr(reference, noisy) == pytest.approx(20.0, abs=0.2)
    assert scores.sdr(reference, noisy) == pytest.approx(6.0, abs=0.2)


SONGS = {
    "MusicDelta_A": {"vocals": Score(4.0, 3.5, -2.0)},
    "MusicDelta_B": {"vocals": Score(6.0, 5.0, 1.0)},
    "mir1k-x": {"vocals": Score(1.4, 1.0, 0.0)},
}


def test_medians_and_means_by_group() -> None:
    summary = scores.summarise(SONGS)
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


def write_song(folder: Path, *names: str, seconds: float = 2.0) -> Path:
    """Stems of noise; the first rests in its second half."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    frames = int(seconds * 44_100)
    for name in names:
        audio = rng.normal(0, 0.05, (frames, 2))
        if name == names[0]:
            audio[frames // 2 :] = 0
        sf.write(folder / f"{name}.ogg", audio, 44_100)
    return folder


def test_robustness_of_a_model_whose_leakage_is_known(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx")  # stems are 0.4, 0.3, 0.2, 0.1 of the mixture
    song = write_song(tmp_path / "song", "vocals", "drums", "bass")
    found: dict[str, float] = {}
    for part in robustness.figures([song], model, 0.1):
        found |= part
    first, last = found.pop("first_30_s_vocals_sdr"), found.pop("last_30_s_vocals_sdr")
    assert first == pytest.approx(last, abs=0.01)
    assert found == {
        "silence_peak": 0.0,
        "a_cappella_vocals_sdr": pytest.approx(20 * np.log10(1 / 0.6), abs=0.02),
        "instrumental_vocals_db": pytest.approx(20 * np.log10(0.4), abs=0.02),
        "resting_vocals_db": pytest.approx(20 * np.log10(0.4), abs=0.05),
        "resting_other_db": pytest.approx(20 * np.log10(0.1), abs=0.05),
    }
    assert {*found, "first_30_s_vocals_sdr", "last_30_s_vocals_sdr"} <= set(robustness.MEANING)


@pytest.mark.parametrize(("stem", "known"), [("vocals", {"a_cappella_vocals_sdr"}),
                                             ("drums", {"instrumental_vocals_db"})])  # fmt: skip
def test_robustness_tells_only_what_the_songs_can_show(
    tmp_path: Path, stem: str, known: set
) -> None:
    songs = robustness.songs_of([write_song(tmp_path / "song", stem)])
    model = tiny_model(tmp_path / "tiny.onnx")
    assert set(robustness.alone(songs, model)) == known
    assert set(scores.score_song(tmp_path / "song", partial(separate, model=model))) == {stem}
    assert bool(robustness.drift(songs, model, 0.1)) == (stem == "vocals")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_a_folder_is_measured_and_wrong_input_is_told_in_a_line(tmp_path: Path) -> None:
    write_song(tmp_path / "songs" / "a", "vocals", "accompaniment")
    model = tiny_model(tmp_path / "tiny.onnx")
    figures = tmp_path / "scores.json"
    options = ("--robustness", "--minutes", "1", "--json", figures)
    done = run(model, tmp_path / "songs", *options, "--plot", tmp_path / "songs.png")
    assert done.returncode == 0, done.stderr
    told = json.loads(figures.read_text())
    assert set(told["songs"]["a"]) == {"vocals", "accompaniment"}
    assert set(told["songs"]["a"]["vocals"]) == {"sdr", "si_sdr", "mixture_sdr"}
    assert told["summary"]["all"]["vocals"]["sdr"] == round(told["songs"]["a"]["vocals"]["sdr"], 2)
    assert told["robustness"]["silence_peak"] == 0
    assert "music without voices: vocals found in it in dB (median) | -7.96 |" in done.stdout
    assert (tmp_path / "songs.png").read_bytes().startswith(b"\x89PNG")
    broken, uneven = tmp_path / "broken", tmp_path / "uneven"
    (write_song(broken / "b", "vocals", "drums") / "drums.ogg").write_bytes(b"no audio")
    write_song(uneven / "c", "vocals", "drums")
    sf.write(uneven / "c" / "drums.ogg", np.zeros((1000, 2)), 44_100)
    for arguments, line in (
        ((model, broken), "drums.ogg cannot be read"),
        ((model, uneven), "drums.ogg 1000 frames x 2 at 44100 Hz, vocals.ogg 88200 frames"),
        ((model, tmp_path / "none"), "no songs; a song is a folder with vocals.ogg"),
        ((tmp_path / "none.onnx", tmp_path / "songs"), "none.onnx"),
        ((model, tmp_path / "songs", "--minutes", "0"), "--minutes 0: at least 1"),
    ):
        failed = run(*arguments)
        assert failed.returncode == 2
        assert line in failed.stderr
        assert "Traceback" not in failed.stderr
