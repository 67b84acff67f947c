"""Logs and files that are damaged or missing: one line that says where, exit code 2."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import soundfile

from rtstem import cli
from rtstem.control import recording_log as log
from rtstem.control.recording_log import Header, Totals, read_log
from rtstem.errors import AudioFileError
from tests.models import tiny_model

STEMS = ("vocals", "other")
FRAMES = 3000


def header(**changes):
    values = {
        "program": "0",
        "started": "2030-01-01T00:00:00+0000",
        "model": "tiny",
        "model_sha256": "0",
        "rate": 44100,
        "latency": 1344,
        "stems": STEMS,
        "buses": {"main": True},
        "files": {"dry": "dry.wav", "stem.vocals": "vocals.wav", "stem.other": "other.wav"},
        "slew": 1024,
        "block": 256,
        "scene": np.array([[1, 1, 1], [0, 0, 0]], np.float32),
        "gains": np.ones((1, 3), np.float32),
        "knobs": np.zeros(2, np.float32),
        "filters": np.zeros((2, 2, 2), np.float32),
    }
    return Header(**values | changes)


@pytest.fixture
def take(tmp_path):
    """A small recording by hand: vocals muted from the start."""
    folder = tmp_path / "take"
    folder.mkdir()
    dry = np.random.default_rng(2).standard_normal((FRAMES, 2)).astype(np.float32) * 0.1
    for name, gain in {"dry": 1.0, "vocals": 0.25, "other": 0.75}.items():
        soundfile.write(folder / f"{name}.wav", dry * gain, 44100, subtype="FLOAT")
    muted = np.array([[0.1, 1, 1], [0, 0, 0]], np.float32)
    lines = [
        log.header_line(header()),
        log.move_line(0, muted),
        log.block_line(512, 100),
        log.totals_line(Totals(FRAMES, 0, 1, "")),
    ]
    (folder / log.LOG_NAME).write_text("".join(lines))
    return folder


def edit(take, number, line):
    path = take / log.LOG_NAME
    lines = path.read_text().splitlines()
    lines[number - 1] = line if isinstance(line, str) else json.dumps(line)
    path.write_text("\n".join([*lines, ""]))


def replay(capsys, *arguments):
    """(exit code, last line of standard error, standard output)"""
    code = cli.run(["replay", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, (err.splitlines() or [""])[-1], out


def test_what_is_written_is_read(take):
    read = read_log(take)
    for name, value in vars(header()).items():
        assert np.array_equal(getattr(read.header, name), value), name
    ((at, scene),) = read.moves
    assert (at, scene.tolist()) == (0, [[np.float32(0.1), 1, 1], [0, 0, 0]])
    assert read.blocks == [(512, 100)]
    assert read.totals == Totals(FRAMES, 0, 1, "")


def test_the_command_mixes(take, capsys):
    code, note, out = replay(capsys, take)
    assert (code, note) == (0, "")
    assert out == f"{take / 'replay-main.wav'}: 0.1 s of bus main, stems of model tiny\n"
    dry = soundfile.read(take / "dry.wav", dtype="float32")[0]
    mix = soundfile.read(take / "replay-main.wav", dtype="float32")[0]
    gain = np.maximum(np.float32(0.1), 1 - np.arange(1, FRAMES + 1) / 1024)
    np.testing.assert_allclose(mix, dry * (1 + 0.25 * (gain - 1))[:, None], atol=1e-6)
    assert "exists already" in replay(capsys, take)[1]
    assert replay(capsys, take, "--overwrite")[0] == 0
    assert replay(capsys, take / log.LOG_NAME, "-o", take / "b.wav")[0] == 0


def test_the_command_says_whether_the_bus_is_the_same(take, capsys):
    replay(capsys, take)
    edit(take, 1, json.loads(log.header_line(header(files=header().files | {"bus.main": "m.wav"}))))
    mix = soundfile.read(take / "replay-main.wav", dtype="float32")[0]
    soundfile.write(take / "m.wav", mix, 44100, subtype="FLOAT")
    assert replay(capsys, take, "--overwrite")[2].endswith(", identical to m.wav\n")
    mix[441] += 0.1
    soundfile.write(take / "m.wav", mix, 44100, subtype="FLOAT")
    out = replay(capsys, take, "--overwrite")[2]
    assert out.endswith(", differs from m.wav by up to -20 dBFS, first at 0.010 s\n")


def test_a_cut_off_log_is_used_as_far_as_it_goes(take, capsys):
    path = take / log.LOG_NAME
    path.write_text(path.read_text()[:-10])
    soundfile.write(take / "other.wav", np.zeros((2000, 2)), 44100, subtype="FLOAT")
    code, note, _ = replay(capsys, take)
    assert (code, note) == (
        0,
        "note: the recording was cut off; it ends where its shortest file does",
    )
    assert soundfile.info(take / "replay-main.wav").frames == 2000


@pytest.mark.parametrize(
    ("number", "line", "says"),
    [
        (2, "{", "moves.jsonl:2: damaged line"),
        (2, "[]", ":2: damaged line (not an object)"),
        (2, {"scene": [[1, 1, 1], [0, 0, 0]]}, ":2: damaged line ('at' is missing)"),
        (2, {"at": 0, "scene": [[1, 1], [0, 0]]}, "values [2, 2] in place of [2, 3]"),
        (2, '{"at": 0, "scene": [[1, 1, 1], [0, 0, NaN]]}', "values [2, 3]"),
        (2, {"at": -1, "block": 3}, "-1 is not a number of frames"),
        (3, {"at": 0, "block": 0}, "0 is not a number of frames"),
        (3, {"at": 0, "block": 9000}, "9000 is not a number of frames"),
        (3, {"at": 0, "dance": 1}, ":3: damaged line (an event that this version does not know)"),
        (3, {"at": True, "block": 3}, "True is not a number of frames"),
        (2, '{"at": 0, "scene": [[1, 1, 1], [0, 0, 1%s]]}' % ("0" * 400), ":2: damaged line"),
        (2, {"at": 0, "scene": [[1, 1, 1], [0, 0, 1e39]]}, "values [2, 3] in place"),
        (3, {"end": {"frames": 1}}, ":3: damaged line"),
        (3, {"end": {"frames": "1", "lost": 0, "moves": 0, "stopped": ""}}, "not a number of"),
        (3, log.totals_line(Totals(1, 0, 0, "")).strip(), ":4: damaged line (a line behind"),
        (1, {"kind": "shopping"}, ":1: damaged line (this is not the log of a recording)"),
        (1, {"version": 1}, ":1: damaged line ('kind' is missing)"),
        (1, {"kind": "rtstem recording", "version": 2}, "version 2 of the log needs another"),
        (1, {"kind": "rtstem recording", "version": 1}, "'stems' is missing"),
    ],
)
def test_damaged_lines(take, capsys, number, line, says):
    edit(take, number, line)
    code, error, _ = replay(capsys, take)
    assert code == 2
    assert error.startswith("error: ")
    assert says in error
    assert not list(take.glob("*replay*"))


@pytest.mark.parametrize("bus", ["../x", "/x", "a\\b", "", "..", "\x1b[2J"])
def test_a_bus_cannot_name_files_elsewhere(take, capsys, bus):
    """The name of a bus becomes part of that of the replay."""
    header = json.loads((take / "moves.jsonl").read_text().splitlines()[0])
    name = next(iter(header["buses"]))
    header["buses"] = {bus if key == name else key: on for key, on in header["buses"].items()}
    edit(take, 1, header)
    code, error, _ = replay(capsys, take)
    assert code == 2
    assert "a bus with a name that no configuration can give" in error


def test_a_log_cannot_name_files_elsewhere(take):
    edit(take, 1, json.loads(log.header_line(header(files={"dry": "../dry.wav"}))))
    with pytest.raises(AudioFileError, match="a file outside the recording's folder"):
        read_log(take)
    edit(take, 1, json.loads(log.header_line(header(files={"dry": "é" * 200}))))
    with pytest.raises(AudioFileError, match="a name that no system takes"):
        read_log(take)


def test_a_log_without_an_end_is_not_read(take, tmp_path):
    huge = tmp_path / "huge.jsonl"
    huge.write_bytes(b"{")
    os.truncate(huge, 256_000_001)
    for path, says in ((huge, "is over 256 MB"), ("/dev/zero", "is no regular file")):
        with pytest.raises(AudioFileError, match=says):
            read_log(path)


def test_missing_things(take, tmp_path, capsys):
    code, error, _ = replay(capsys, tmp_path / "nowhere")
    assert (code, "No such file" in error) == (2, True)
    (tmp_path / "empty").write_text("")
    assert "the log is empty, nothing was recorded" in replay(capsys, tmp_path / "empty")[1]
    assert "bus 'x' was not recorded; choose of main" in replay(capsys, take, "--bus", "x")[1]
    assert "choose a name that ends in .wav" in replay(capsys, take, "-o", "a.flac")[1]
    soundfile.write(take / "other.wav", np.zeros((FRAMES - 1, 2)), 44100, subtype="FLOAT")
    code, error, _ = replay(capsys, take)
    assert code == 2
    assert f"holds 2 channels of {FRAMES - 1} frames at 44100 Hz, but 2 of {FRAMES}" in error
    (take / "other.wav").unlink()
    assert replay(capsys, take)[:2] == (
        2,
        f"error: {take / 'other.wav'}: no such file; check the spelling",
    )
    edit(take, 1, json.loads(log.header_line(header(files={"dry": "dry.wav"}))))
    code, error, _ = replay(capsys, take)
    assert (code, "stem.vocals was not recorded; record dry" in error) == (2, True)
    assert not list(take.glob("*replay*"))


def test_a_model_needs_the_same_stems(take, tmp_path, capsys):
    model = tiny_model(tmp_path / "four.onnx")
    code, error, _ = replay(capsys, take, "--model", model)
    assert code == 2
    assert "but the recorded moves are for vocals, other; choose a model with these" in error
    two = tiny_model(tmp_path / "two.onnx", stems=("other", "vocals"), gains=(0.5, 0.5))
    (take / "other.wav").unlink()
    assert replay(capsys, take, "--model", two)[0] == 0
