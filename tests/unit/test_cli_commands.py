"""The commands through the command line: what they print, write and return."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from rtstem import cli
from rtstem.commands import split
from rtstem.config import Config, load_config, make_config
from rtstem.errors import ConfigError, DeviceError
from rtstem.io.devices import DeviceInfo
from rtstem.io.writer import FORMATS
from rtstem.model_signals import music
from tests.models import STEMS, tiny_model

RATE = 44100


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(tiny_model(tmp_path / "tiny.onnx"))


@pytest.fixture
def song(tmp_path: Path) -> str:
    path = tmp_path / "song.wav"
    soundfile.write(path, music(RATE, RATE), RATE, subtype="FLOAT")
    return str(path)


class Output:
    """Runs a command and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        self._capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def rtstem(capsys: pytest.CaptureFixture[str]) -> Output:
    return Output(capsys)


# -- split


def test_split_writes_stems_that_sum(rtstem: Output, tmp_path: Path, model: str, song: str) -> None:
    assert rtstem("split", song, "-o", tmp_path / "out", "--model", model) == 0
    files = [tmp_path / "out" / "song" / f"{stem}.wav" for stem in STEMS]
    total = sum(soundfile.read(file, dtype="float32")[0].astype(np.float64) for file in files)
    assert np.abs(total - soundfile.read(song)[0]).max() < 1e-6
    assert "x real time" in rtstem.out
    assert rtstem.err == ""


def test_split_takes_formats_and_chosen_stems(
    rtstem: Output, tmp_path: Path, model: str, song: str
) -> None:
    command = ["split", song, "-o", tmp_path, "--model", model, "--format", "flac"]
    assert rtstem(*command, "--stems", "vocals, accompaniment") == 0
    names = {path.name for path in (tmp_path / "song").iterdir()}
    assert names == {"vocals.flac", "accompaniment.flac"}
    assert set(split.FORMATS) == set(FORMATS)


def test_split_does_the_others_when_one_is_bad(
    rtstem: Output, tmp_path: Path, model: str, song: str
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("no audio")
    again = tmp_path / "again" / "song.wav"
    again.parent.mkdir()
    soundfile.write(again, np.zeros(100), RATE)
    assert rtstem("split", song, bad, again, "-o", tmp_path / "out", "--model", model) == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"song", "song-2"}
    lines = rtstem.err.splitlines()
    assert lines[0].startswith(f"error: {bad}")
    assert lines[1] == "error: 1 of 3 files could not be split"


@pytest.mark.parametrize("name", ["missing.wav", "empty.wav", "."])
def test_split_of_one_bad_file(rtstem: Output, tmp_path: Path, model: str, name: str) -> None:
    (tmp_path / "empty.wav").touch()
    out = tmp_path / "out"
    assert rtstem("split", tmp_path / name, "-o", out, "--model", model) == 2
    assert rtstem.err.startswith("error: ")
    assert rtstem.err.count("\n") == 1
    assert not list(tmp_path.rglob("*vocals*"))


def test_split_stops_at_once_for_a_wrong_stem(
    rtstem: Output, tmp_path: Path, model: str, song: str
) -> None:
    command = ["split", song, song, "-o", tmp_path, "--model", model, "--stems", "vocal"]
    assert rtstem(*command) == 2
    assert rtstem.err.count("\n") == 1
    assert "vocals" in rtstem.err


def test_split_stops_at_once_when_the_disk_is_full(
    rtstem: Output, model: str, song: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtstem.io.writer import DiskFullError

    def full(*_: Any, **__: Any) -> None:
        raise DiskFullError("disk full")

    monkeypatch.setattr("rtstem.offline.split_file", full)
    assert rtstem("split", song, song, "-o", tmp_path, "--model", model) == 1
    assert rtstem.err == "error: disk full\n"


def test_split_tells_what_was_cleaned(rtstem: Output, tmp_path: Path, model: str) -> None:
    damaged = np.zeros((1000, 2), np.float32)
    damaged[5] = np.nan
    soundfile.write(tmp_path / "damaged.wav", damaged, RATE, subtype="FLOAT")
    assert rtstem("split", tmp_path / "damaged.wav", "-o", tmp_path, "--model", model) == 0
    assert "note: " in rtstem.err
    assert "2 samples" in rtstem.err


# -- devices


CARD = DeviceInfo(4, "USB Audio", "ALSA", 2, 0, 48000.0, 0.0087, 0.0, True, False)


def test_devices_as_table_and_json(rtstem: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtstem.io.devices.list_devices", lambda: [CARD])
    assert rtstem("devices") == 0
    row = next(line for line in rtstem.out.splitlines() if "USB Audio" in line)
    assert row.split() == ["4", "USB", "Audio", "ALSA", "2", "0", "48000", "8.7", "-", "input"]
    assert rtstem("devices", "--json") == 0
    assert json.loads(rtstem.out)[0]["name"] == "USB Audio"


def test_no_device_says_what_to_do(rtstem: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtstem.io.devices.list_devices", list)
    assert rtstem("devices") == 0
    assert "--output virtual" in rtstem.out
    assert rtstem("devices", "--json") == 0
    assert json.loads(rtstem.out) == []


def test_missing_portaudio_is_one_line(rtstem: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise DeviceError("PortAudio is not installed; on Debian run: apt install libportaudio2")

    monkeypatch.setattr("rtstem.io.devices.list_devices", missing)
    assert rtstem("devices") == 2
    assert rtstem.err.startswith("error: PortAudio is not installed")


# -- models


def test_models_list_and_show(
    rtstem: Output, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtstem.resources.models_dir", lambda: tmp_path)
    assert rtstem("models", "list") == 0
    assert "vocals, drums, bass, other" in rtstem.out
    assert rtstem("models", "list", "--json") == 0
    told = json.loads(rtstem.out)[0]
    assert told["model"] == "tiny"
    assert 0 < told["core_percent"]["p50"] <= told["core_percent"]["p99"]
    assert rtstem("models", "list", "--no-cost", "--json") == 0
    assert "core_percent" not in json.loads(rtstem.out)[0]
    assert rtstem("models", "show", "tiny") == 0
    assert "CC0-1.0" in rtstem.out
    assert rtstem("models", "show", model, "--json") == 0
    assert json.loads(rtstem.out)["delay_ms"] == pytest.approx(23.22)
    (tmp_path / "broken.onnx").touch()
    assert rtstem("models", "list") == 2
    assert "tiny" in rtstem.out
    assert rtstem.err.startswith("error: ")


def test_models_list_tells_quality_where_a_model_does(
    rtstem: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {"all": {"vocals": {"sdr": 5.25}, "bass": {"sdr": "good"}}}
    tiny_model(tmp_path / "good.onnx", metadata={"metrics": json.dumps(figures)})
    monkeypatch.setattr("rtstem.resources.models_dir", lambda: tmp_path)
    assert rtstem("models", "list", "--no-cost") == 0
    assert "vocals 5.2, drums, bass, other" in rtstem.out


def test_models_list_without_any(
    rtstem: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtstem.commands.models.Path", Path)
    monkeypatch.setattr("rtstem.resources.models_dir", lambda: tmp_path / "none")
    assert rtstem("models", "list") == 0
    assert "No model" in rtstem.out


def test_models_check_passes_and_fails(rtstem: Output, tmp_path: Path, model: str) -> None:
    code = rtstem("models", "check", model, "--seconds", 10, "--provider", "cpu")
    assert code == 0 or "speed" in rtstem.out.splitlines()[-1]
    assert rtstem.out.count("pass ") >= 9
    bad = tiny_model(tmp_path / "bad.onnx", leak=1.02, memory_mix=(0.5, -0.5, 0, 0))
    assert rtstem("models", "check", bad, "--seconds", 10, "--json") == 2
    assert not json.loads(rtstem.out)["passed"]
    assert rtstem("models", "check", tmp_path / "none.onnx") == 2


# -- bench, live


@pytest.mark.parametrize("fits", [True, False])
def test_bench_prints_stages(rtstem: Output, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from rtstem.bench import BenchReport, StageTimes

    def run(model: str, seconds: float, provider: str, progress: Any) -> BenchReport:
        assert (model, seconds, provider) == ("live", 3.0, "cpu")
        progress(0.5)
        stages = (StageTimes("inference", 1300.0, 1500.0, 1700.5, 1900.0, 258),)
        return BenchReport("box", "live", "CPU", 44100, 11610.0, stages, 0.1, 0.5, fits, "so so")

    monkeypatch.setattr("rtstem.bench.run_bench", run)
    assert rtstem("bench", "--seconds", 3, "--provider", "cpu") == (0 if fits else 1)
    row = next(line for line in rtstem.out.splitlines() if "inference" in line)
    assert row.split() == ["inference", "1300.0", "1500.0", "1700.5", "1900.0", "258"]
    assert rtstem.out.endswith("so so\n")
    rtstem("bench", "--seconds", 3, "--provider", "cpu", "--json")
    assert json.loads(rtstem.out)["stages"][0]["p999"] == 1700.5


def options(**given: Any) -> dict[str, Any]:
    names = ("input_", "output", "model", "provider", "safety_hops", "block", "rate")
    return dict.fromkeys(names) | given


def test_options_replace_the_configuration_and_nothing_else() -> None:
    from rtstem.commands.live import with_options

    config = load_config("dj")
    quiet = make_config({"audio": {"output": "virtual", "block": 64}})
    assert with_options(config, options()) == config
    assert with_options(quiet, options(input_="3")).audio.block == 64
    changed = with_options(config, options(input_="3", block=128, rate="48000", safety_hops=2.0))
    assert changed.audio.input == "3"
    assert (changed.audio.block, changed.audio.sample_rate) == (128, 48000)
    assert changed.latency.safety_hops == 2.0
    assert changed.buses == config.buses
    assert changed.audio.output == config.audio.output
    assert changed.where("model").startswith(str(config.where("model")).split(":")[0])
    assert with_options(Config(), options(model="x", rate="auto")).model == "x"
    midi = with_options(Config(), options(midi_profile="generic")).midi
    assert (midi.enabled, midi.profile, midi.ports) == (True, "generic", "auto")
    assert not with_options(Config(), options(midi_profile="x", midi=False)).midi.enabled


def test_refusal_of_a_combination_names_the_command_line(rtstem: Output, model: str) -> None:
    given = ("--input", "virtual:silence", "--output", "virtual", "--rate", "96000")
    assert rtstem("live", *given, "--model", model) == 2
    assert rtstem.err.startswith("error: command line: audio.sample_rate: model ")


@pytest.mark.parametrize(
    "given",
    [
        ("--rate", "fast"),
        ("--rate", "12"),
        ("--block", "3"),
        ("--safety-hops", "-1"),
        ("--output", "file:x"),
        ("--config", "nowhere.yaml"),
        ("--model", "nowhere"),
        ("--midi-profile", "nowhere"),
    ],
    ids=" ".join,
)
def test_live_refuses_in_one_line(rtstem: Output, given: tuple[str, str]) -> None:
    assert rtstem("live", "--input", "virtual:silence", "--output", "virtual", *given) == 2
    assert rtstem.err.startswith("error: ")
    assert rtstem.err.count("\n") == 1


def test_wrong_option_names_its_key() -> None:
    from rtstem.commands.live import with_options

    with pytest.raises(ConfigError, match=r"command line: audio\.block"):
        with_options(Config(), options(block=3))


def test_list_keys(rtstem: Output, model: str) -> None:
    assert rtstem("live", "--list-keys", "--model", model, "--config", "dj") == 0
    assert "vocals kill on / off" in rtstem.out
    assert "preset full" in rtstem.out
