"""What is left of a recording when the process is killed, the disk is full, or both were slow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.control.recorder import Recorder
from rtstem.replay import replay
from tests.flow.clocked import by_the_clock
from tests.flow.conftest import RATE, STEMS
from tests.models import tiny_model
from tests.waiting import until

resource = pytest.importorskip("resource")  # not on Windows
CHILD = Path(__file__).with_name("record_child.py")


def moves(take: Path) -> int:
    return (take / "moves.jsonl").read_text().count('"scene"')


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_killed_process_leaves_playable_files_and_a_readable_log(tmp_path, form):
    song, take = tmp_path / "song.wav", tmp_path / "take"
    noise = np.random.default_rng(1).standard_normal((RATE * 20, 2)) * 0.1
    soundfile.write(song, noise, RATE, subtype="FLOAT")
    model = tiny_model(tmp_path / "tiny.onnx", memory_mix=(0.2, -0.2, 0.1, -0.1))
    command = [sys.executable, "-m", "tests.flow.record_child", model, song, take, form]
    child = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, cwd=CHILD.parents[2]
    )
    try:
        assert child.stdout.readline() == "recording\n"
        until(lambda: moves(take) > 130)  # each in another block of 256 frames
    finally:
        child.kill()  # SIGKILL
        child.wait()
    sounds = {
        path.stem: soundfile.read(path, dtype="float32")[0] for path in take.glob(f"*.{form}")
    }
    assert len(sounds) == 6
    lengths = [len(sound) for sound in sounds.values()]
    assert min(lengths) > 0.5 * RATE
    assert max(lengths) - min(lengths) <= 8192
    assert np.abs(sounds["dry"]).max() > 0.1
    made = replay(take)
    assert made.notes == ("the recording was cut off; it ends where its shortest file does",)
    # of what the mix is made of; the bus is written after that, and may lack the last piece
    assert made.frames == min(len(sounds[name]) for name in ("dry", *STEMS))
    if form == "wav":
        assert made.differs_from is None
    else:
        assert made.difference < 1e-6
    assert moves(take) > 20


@pytest.fixture
def small_files():
    """small_files(on): no file may grow beyond 300 kB, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda on: resource.setrlimit(
        resource.RLIMIT_FSIZE, (300_000 if on else before[0], before[1])
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("form", ["wav", "flac"])
@by_the_clock
def test_a_full_disk_ends_the_recording_and_not_the_audio(play, noise, tmp_path, small_files, form):
    notices, recorders = [], []

    def record(engine):
        recorders.append(Recorder(engine, tmp_path / "take", form, on_notice=notices.append))
        recorders[0].start()
        small_files(True)
        engine.desk.set("vocals", 0.3)
        until(lambda: recorders[0].error)

    audio = np.tile(noise, (2, 1))
    take = play(audio, lockstep=False, during=record)
    small_files(False)
    assert take.engine.error is None
    assert take.engine.snapshot().missed_blocks == 0
    assert len(take.out) >= len(audio)
    report = recorders[0].stop()
    assert notices == [f"{tmp_path / 'take'}: recording stopped, {report.error}; the audio goes on"]
    assert report.error == "File too large"
    lengths = {len(soundfile.read(path)[0]) for path in report.files.values()}
    assert len(lengths) == 1
    (frames,) = lengths
    assert 20_000 < frames <= report.frames < len(audio)
    if form == "wav":
        assert frames == report.frames
    made = replay(report.log)
    assert made.frames == frames
    assert made.difference < 1e-6
    assert made.notes == ("the recording stopped early: File too large",)


@by_the_clock
def test_a_full_disk_of_its_own(play, noise, tmp_path):
    """A real file system of 2 MB, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        notices, recorders = [], []

        def record(engine):
            recorders.append(Recorder(engine, disk / "take", on_notice=notices.append))
            recorders[0].start()
            until(lambda: recorders[0].error)

        take = play(np.tile(noise, (2, 1)), lockstep=False, during=record)
        assert take.engine.error is None
        report = recorders[0].stop()
        (notice,) = notices
        assert "recording stopped, disk full: No space left on device; the audio goes on" in notice
        assert {len(soundfile.read(path)[0]) for path in report.files.values()} == {report.frames}
        assert replay(report.log, tmp_path / "again.wav").differs_from is None
        last = json.loads(report.log.read_text().splitlines()[-1])
        assert last["end"]["frames"] == report.frames
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
