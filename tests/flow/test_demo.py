"""`run_demo` on the virtual device, in real time, with a short song and a model of known answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.cli import run
from rtstem.demo import run_demo
from rtstem.errors import AudioFileError
from tests.models import DEFAULT_GAINS, tiny_model

RATE, SECONDS = 44100, 3
STEMS = ("vocals", "drums", "bass", "other")
SECTIONS = {"all up", "instrumental", "a cappella", "no drums", "all up again"}
WAVES = ("mix", *STEMS)
FILES = {f"{name}.wav" for name in WAVES} | {"stems.png", "report.md", "report.json"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def song(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("song") / "noise.wav"
    audio = np.random.default_rng(8).standard_normal((SECONDS * RATE, 2)).astype(np.float32)
    soundfile.write(path, 0.1 * audio, RATE, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory, model, song):
    """(folder, report, what progress was told) of a run in which no section was missed: a hand that
    the machine holds up for a quarter of a second moves the faders in the next one."""
    for _ in range(4):
        folder = tmp_path_factory.mktemp("demo") / "new" / "out"
        told: list[tuple[float, float]] = []
        report = run_demo(
            folder, model=str(model), song=song, progress=lambda *done, told=told: told.append(done)
        )
        if {section.name for section in report.sections} >= SECTIONS:
            break
    return folder, report, told


@pytest.fixture(scope="module")
def waves(demo) -> dict[str, np.ndarray]:
    read = {name: soundfile.read(demo[0] / f"{name}.wav", dtype="float32") for name in WAVES}
    assert {rate for _, rate in read.values()} == {RATE}
    return {name: audio for name, (audio, _) in read.items()}


def test_writes_all_files_and_nothing_else(demo):
    assert {path.name for path in demo[0].iterdir()} == FILES
    assert (demo[0] / "stems.png").read_bytes().startswith(b"\x89PNG")


def test_declared_latency_is_measured(demo):
    _, report, _ = demo
    assert report.measured_frames == report.declared_frames
    assert sum(report.latency.values()) == report.declared_frames


def test_stems_are_aligned_with_the_song_and_sum_to_it(waves, song, demo):
    heard, _ = soundfile.read(song, dtype="float32")
    if demo[1].counters["blocks without stems"]:
        pytest.skip("the machine was too busy: the dry signal stood in for a stem")
    for name, gain in zip(STEMS, DEFAULT_GAINS, strict=True):
        assert np.max(np.abs(waves[name] - gain * heard)) < 1e-5
    assert np.max(np.abs(sum(waves[name] for name in STEMS) - heard)) < 1e-5


def test_sections_are_what_they_are_called(demo, waves, song):
    _, report, _ = demo
    heard, _ = soundfile.read(song, dtype="float32")
    sections = {section.name: section for section in report.sections}
    assert set(sections) >= SECTIONS
    assert report.exact is True
    for section in report.sections:
        assert section.error_db < -100.0
    up = sections["all up"]
    part = slice(round(up.start * RATE), round(up.end * RATE))
    assert np.array_equal(waves["mix"][part], heard[part])
    alone = sections["a cappella"]
    assert alone.mix_db == pytest.approx(alone.stems_db["vocals"], abs=0.05)


def test_reports_agree(demo):
    folder, report, _ = demo
    plain = json.loads((folder / "report.json").read_text())
    assert plain["declared_frames"] == report.declared_frames
    assert plain["timings"]["hop"]["count"] >= SECONDS * RATE // 512
    assert 0.0 < plain["timings"]["callback"]["p50"] <= plain["timings"]["callback"]["max"]
    text = (folder / "report.md").read_text()
    assert f"{report.declared_frames} frames" in text
    assert "bit for bit" in text
    assert "as declared" in text


def test_progress_rises_to_the_end(demo):
    _, _, told = demo
    done = [seconds for seconds, _ in told]
    assert done == sorted(done)
    assert told[-1] == (SECONDS, SECONDS)


def test_long_song_is_cut(tmp_path, model, song):
    report = run_demo(tmp_path, model=str(model), song=song, seconds=0.5)
    assert report.seconds == 0.5
    assert report.measured_frames == report.declared_frames
    assert soundfile.info(tmp_path / "mix.wav").frames == round(0.5 * RATE)


def test_one_sample_is_a_song(tmp_path, model):
    song = tmp_path / "one.wav"
    soundfile.write(song, np.full((1, 2), 0.5, np.float32), RATE, subtype="FLOAT")
    run_demo(tmp_path / "out", model=str(model), song=song)
    assert soundfile.info(tmp_path / "out" / "mix.wav").frames == 1


def test_out_below_a_file_is_one_line_and_touches_nothing(tmp_path, model, song, capfd):
    blocker = tmp_path / "file"
    blocker.write_text("kept")
    arguments = ["demo", "--model", str(model), "--song", str(song), "-o", str(blocker / "out")]
    assert run(arguments) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "choose another output folder" in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert blocker.read_text() == "kept"


def test_report_that_cannot_be_written_leaves_nothing(tmp_path, model, song):
    """The wav files would fit, the picture does not: its name is taken by a folder."""
    (tmp_path / "out" / "stems.png").mkdir(parents=True)
    with pytest.raises(AudioFileError, match=r"stems\.png.*choose another output folder"):
        run_demo(tmp_path / "out", model=str(model), song=song, seconds=0.3)
    assert not list((tmp_path / "out").glob("*.part"))
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize("name", ["missing.wav", "text.wav"])
def test_bad_song_is_one_line(tmp_path, model, name):
    (tmp_path / "text.wav").write_text("not audio, just words " * 50)
    with pytest.raises(AudioFileError) as caught:
        run_demo(tmp_path / "out", model=str(model), song=tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
