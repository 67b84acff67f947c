"""The bundled song: in range, the sum of its stems, and what the tool makes again from the score."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.resources import asset

ROOT = Path(__file__).resolve().parents[2]
STEM_FOLDER = ROOT / "tests" / "data" / "demo_stems"
STEMS = ("vocals", "drums", "bass", "other")
RATE, SECONDS = 44100, 24

needs_singer = pytest.mark.skipif(
    not (shutil.which("flite") and importlib.util.find_spec("pyworld"))
    or importlib.util.find_spec("scipy") is None
    or importlib.util.find_spec("pkg_resources") is None,
    reason="needs flite, pyworld (with setuptools < 81) and scipy to make the song again",
)


def level_db(audio: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(audio**2) + 1e-20))


def read(path: Path) -> np.ndarray:
    audio, rate = soundfile.read(path, always_2d=True)
    assert rate == RATE
    assert audio.shape == (SECONDS * RATE, 2)
    return audio


@pytest.fixture(scope="module")
def song() -> np.ndarray:
    return read(asset("demo_song.ogg"))


@pytest.fixture(scope="module")
def stems() -> dict[str, np.ndarray]:
    return {name: read(STEM_FOLDER / f"{name}.ogg") for name in STEMS}


@pytest.fixture(scope="module")
def tool():
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        yield importlib.import_module("demo_song.mix")
    finally:
        sys.path.remove(str(ROOT / "tools"))


def test_files_are_small():
    assert asset("demo_song.ogg").stat().st_size < 600_000
    assert sum((STEM_FOLDER / f"{name}.ogg").stat().st_size for name in STEMS) < 1_200_000


def test_song_neither_clips_nor_falls_silent(song):
    assert np.abs(song).max() < 0.95
    loud = [level_db(song[n * RATE : (n + 1) * RATE]) for n in range(SECONDS - 1)]
    assert min(loud) > -20.0
    assert max(loud) < -10.0


def test_true_stems_sum_to_the_song(song, stems):
    """Up to the loss of the two codings."""
    rest = song - sum(stems.values())
    assert level_db(rest) < level_db(song) - 18.0


def test_vocals_are_prominent(stems):
    assert level_db(stems["vocals"]) > max(level_db(stems[name]) for name in STEMS[1:]) + 1.0


@needs_singer
@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_tool_makes_the_committed_song(tool, stems):
    made = tool.render()
    for name, stem in stems.items():
        error = level_db(made[name] - stem) - level_db(stem)
        assert error < -15.0, f"{name}: {error:.1f} dB is more than the coding loses"
        assert abs(level_db(made[name]) - level_db(stem)) < 0.2


@needs_singer
@pytest.mark.filterwarnings("ignore:pkg_resources")
def test_tool_is_deterministic(tool):
    assert np.array_equal(tool.drums.render(), tool.drums.render())
    assert np.array_equal(tool.instruments.render_bass(), tool.instruments.render_bass())
    line = tool.LYRIC[0]
    first, second = (
        tool.singer.sing(line, tool.singer.analyse(line), None, seed=1) for _ in range(2)
    )
    assert np.array_equal(first, second)
    assert level_db(first) > -50.0
