"""The recorder on a tap that says what the test wants: losses, late writers, its own mistakes."""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from rtstem.control.recorder import Recorder
from rtstem.control.recording_files import WAV_HEADER_BYTES, GrowingFile
from rtstem.control.recording_log import read_log
from rtstem.errors import ConfigError, EngineError
from rtstem.remix import block_lengths
from rtstem.replay import replay

COLUMNS = 2 * (1 + 2 + 1) + 1
UNITY = np.array([[1, 1, 1], [0, 0, 0]], np.float32)
MUTED = np.array([[0, 1, 1], [0, 0, 0]], np.float32)


class FakeTap:
    """Gives `script`: (position, frames, block length, scene changes) one by one.

    Blocks begin at the multiples of their length; (length, offset): shifted by so much.
    """

    channels = ("dry", "stem.vocals", "stem.other", "bus.main")
    filtered = (True,)
    slew_frames = 1024
    first_scene = UNITY
    first_gains = UNITY[:1]
    first_knobs = np.zeros(2, np.float32)
    first_filters = np.zeros((2, 2, 2), np.float32)

    def __init__(self, script):
        self.script, self.lost, self.lost_changes, self.closed = list(script), 0, False, False
        self.found = []

    def read(self):
        if not self.script:
            return 0, np.empty((0, COLUMNS), np.float32)
        position, frames, block, self.found = self.script.pop(0)
        if isinstance(block, Exception):
            raise block
        samples = np.zeros((frames, COLUMNS), np.float32)
        samples[:, :2] = np.arange(position, position + frames)[:, None] / 2**16
        samples[:, 2:4] = samples[:, 4:6] = samples[:, :2] / 2
        samples[:, 6:8] = samples[:, :2]
        length, offset = block if isinstance(block, tuple) else (block, 0)
        samples[(offset - position) % length :: length, -1] = length
        return position, samples

    def changes(self):
        return [SimpleNamespace(position=at, scene=scene) for at, scene in self.found]

    def close(self):
        self.closed = True


@pytest.fixture
def record(tmp_path):
    """record(script) -> report, tap, notices"""

    def run(script, lost_changes=False, **options):
        model = tmp_path / "model.onnx"
        model.write_bytes(b"a model")
        tap, notices = FakeTap(script), []
        tap.lost_changes = lost_changes
        engine = SimpleNamespace(
            spec=SimpleNamespace(path=model, name="tiny", stems=("vocals", "other")),
            rate=44100,
            latency=SimpleNamespace(frames=1344),
            bus_names=("main",),
            open_tap=lambda: tap,
        )
        recorder = Recorder(engine, tmp_path / "take", on_notice=notices.append, **options)
        recorder.start()
        while tap.script and not tap.closed:
            time.sleep(0.001)
        return recorder.stop(), tap, notices

    return run


def samples(report, channel):
    return soundfile.read(report.files[channel], dtype="float32")[0]


def test_frames_that_were_lost_are_silence_and_noted(record):
    """100 frames are lost, and the reader comes back in the middle of a block."""
    script = [(-64, 128, 64, []), (164, 28, 64, []), (192, 64, 64, [(192, MUTED)])]
    report, tap, notices = record(script)
    assert (report.frames, report.lost, report.moves) == (320, 100, 1)
    dry = samples(report, "dry")[:, 0] * 2**16
    assert np.array_equal(dry, [*range(-64, 64), *[0] * 100, *range(164, 256)])
    assert len({len(samples(report, channel)) for channel in report.files}) == 1
    assert notices == [f"{report.folder}: the disk is slow, parts of the recording are silence"]
    log = read_log(report.log)
    assert log.gaps == [(128, 100)]
    assert [(at, scene.tolist()) for at, scene in log.moves] == [(256, MUTED.tolist())]
    lengths = block_lengths(log)
    assert [next(lengths) for _ in range(6)] == [64, 64, 64, 64, 64, 64]
    assert log.totals.lost == 100
    assert tap.closed
    made = replay(report.log)
    assert made.notes == ("100 frames from frame 128 on were lost and are silence",)
    assert made.differs_from == 256  # our tap knows no mute


def test_blocks_may_begin_elsewhere_after_a_loss(record):
    report, *_ = record([(0, 128, 64, []), (200, 100, (64, 20), [])])
    log = read_log(report.log)
    assert log.blocks == [(212, 64)]
    lengths = block_lengths(log)
    assert [next(lengths) for _ in range(6)] == [64, 64, 64, 20, 64, 64]


def test_a_disk_that_is_full_in_the_middle_leaves_files_of_one_length(record, monkeypatch):
    """The dry signal has the last block already, the vocals have a part of it."""
    append = GrowingFile.append

    def full(self, data):
        if Path(self._file.name).name == "vocals.wav" and self.size > 500:
            self._file.write(data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, data)

    monkeypatch.setattr(GrowingFile, "append", full)
    report, tap, notices = record([(0, 64, 64, []), (64, 64, 64, []), (128, 64, 64, [])])
    assert report.error == "disk full: No space left on device"
    assert notices == [f"{report.folder}: recording stopped, {report.error}; the audio goes on"]
    assert report.frames == 64
    assert {len(samples(report, channel)) for channel in report.files} == {64}
    assert {path.stat().st_size for path in report.files.values()} == {WAV_HEADER_BYTES + 64 * 8}
    assert tap.closed
    assert replay(report.log).differs_from is None


def test_blocks_of_other_lengths_are_in_the_log(record):
    report, *_ = record([(0, 128, 64, []), (128, 96, 32, []), (224, 64, 32, [])])
    log = read_log(report.log)
    assert log.blocks == [(128, 32)]
    lengths = block_lengths(log)
    assert [next(lengths) for _ in range(5)] == [64, 64, 32, 32, 32]


def test_lost_moves_are_told(record):
    report, *_ = record([(0, 64, 64, [])], lost_changes=True)
    assert replay(report.log).notes == (
        "some moves were lost; around them the mix is not the recorded one",
    )


def test_its_own_mistake_ends_the_recording_with_a_notice(record):
    """Never an exception into the engine; what was recorded stays whole."""
    report, tap, notices = record([(0, 64, 64, []), (64, 64, RuntimeError("boom"), [])])
    assert report.error == "internal error: RuntimeError: boom"
    assert notices == [f"{report.folder}: recording stopped, {report.error}; the audio goes on"]
    assert len(samples(report, "dry")) == report.frames == 64
    assert tap.closed
    assert replay(report.log).differs_from is None


def test_nothing_played_is_an_empty_recording(record):
    report, *_ = record([])
    assert (report.frames, report.seconds, report.log.read_text()) == (0, 0.0, "")


def test_only_what_was_asked_for(record):
    report, *_ = record([(0, 64, 64, [])], what=("buses",), format="flac")
    assert sorted(path.name for path in report.folder.iterdir()) == ["bus-main.flac", "moves.jsonl"]
    assert json.loads(report.log.read_text().splitlines()[0])["files"] == {
        "bus.main": "bus-main.flac"
    }


def test_wrong_options_and_order(record, tmp_path):
    with pytest.raises(ConfigError, match="format 'mp3' is not known; choose of wav, flac"):
        record([], format="mp3")
    for what in ((), ("dry", "wet")):
        with pytest.raises(ConfigError, match="choose of dry, stems, buses"):
            record([], what=what)
    recorder = Recorder(
        SimpleNamespace(spec=SimpleNamespace(stems=("dry", "other")), bus_names=()),
        tmp_path / "new",
    )
    assert recorder._names["dry"] != recorder._names["stem.dry"]
    with pytest.raises(EngineError, match="has not been started"):
        recorder.stop()


def test_stop_twice_and_start_twice(record, tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr(
        Recorder, "stop", lambda self, stop=Recorder.stop: kept.append(self) or stop(self)
    )
    report, *_ = record([(0, 64, 64, [])])
    assert kept[0].stop() == report
    with pytest.raises(EngineError, match="started already"):
        kept[0].start()
