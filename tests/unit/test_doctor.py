"""The doctor: every lack is found, named with its cure, and never becomes a traceback."""

from __future__ import annotations

import builtins
import json
import os
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rtstem import cli, doctor, doctor_machine
from rtstem.doctor_machine import Check
from rtstem.errors import ModelError
from rtstem.io.devices import DeviceInfo
from rtstem.rt import jit
from rtstem.rt.cuda import gpu_present
from rtstem.rt.providers import PROVIDERS
from tests.loopback import loopback
from tests.models import tiny_model

CARD = DeviceInfo(0, "card", "ALSA", 2, 2, 48000.0, 0.005, 0.005, True, True)


def only(checks: list[Check]) -> Check:
    assert len(checks) == 1
    return checks[0]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rtstem.resources.models_dir", lambda: tmp_path)
    return tmp_path


def test_every_check_of_this_machine_answers() -> None:
    names: list[str] = []
    report = doctor.run_doctor(names.append)
    assert names == [name for name, _ in doctor.CHECKS]
    assert all(check.status in ("ok", "warn", "fail") for check in report)
    assert all(bool(check.cure) == (check.status != "ok") for check in report)
    assert next(c for c in report if c.name == "packages").status == "ok"


def test_a_check_that_falls_over_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[Check]:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(doctor, "CHECKS", (("odd", broken),))
    check = only(doctor.run_doctor())
    assert (check.name, check.status, check.found) == ("odd", "fail", "two lines")


def test_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name in ("soxr",) else real(name))
    check = only(doctor.check_packages())
    assert (check.status, check.cure) == ("fail", "pip install soxr")
    monkeypatch.setattr(doctor, "_version", lambda name: "" if "onnx" in name else "1")
    assert only(doctor.check_packages()).cure == "pip install onnxruntime"


def test_two_runtimes_get_in_each_others_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: "1.20")
    assert only(doctor.check_packages()).status == "warn"


def test_models_good_broken_and_none(models: Path) -> None:
    assert only(doctor.check_models()).status == "fail"
    tiny_model(models / "good.onnx")
    check = only(doctor.check_models())
    assert (check.name, check.status) == ("model good", "ok")
    assert "4 stems, 23.2 ms at 44100 Hz" in check.found
    (models / "bad.onnx").write_text("no model")
    assert [check.status for check in doctor.check_models()] == ["fail", "ok"]


def test_provider_that_runs_is_told(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(doctor.check_providers()).status == "warn"
    tiny_model(models / "good.onnx")
    monkeypatch.setattr(doctor, "_has_nvidia_gpu", lambda: False)
    check = only(doctor.check_providers())
    assert check.status == "ok"
    assert "runs on CPU" in check.found


def test_a_card_that_cannot_be_used_is_a_warning_with_the_cure(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def append(*_args: Any) -> None:
        raise ModelError("libcublas.so.13: cannot open")

    tiny_model(models / "good.onnx")
    if not gpu_present():  # its driver does not answer
        monkeypatch.setattr(doctor, "_has_nvidia_gpu", lambda: True)
        check = only(doctor.check_providers())
        assert (check.status, "driver" in check.cure) == ("warn", True)
    monkeypatch.setattr("rtstem.provider_choice.HOPS", 20)
    monkeypatch.setitem(PROVIDERS, "broken", replace(loopback(), append=append))
    check = only(doctor.check_providers())
    assert check.status == "warn"
    assert "libcublas.so.13" in check.found
    assert check.cure == "buy another one"


def test_portaudio_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_sounddevice(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_sounddevice)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    check = only(doctor.check_audio())
    assert check.status == "fail"
    assert "apt install libportaudio2" in check.cure


@pytest.mark.parametrize(("devices", "status"), [([], "warn"), ([CARD], "ok")])
def test_devices(devices: list[DeviceInfo], status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sounddevice", exc_type=OSError)
    monkeypatch.setattr("rtstem.io.devices.list_devices", lambda: devices)
    library, found = doctor.check_audio()
    assert library.status == "ok"
    assert found.status == status
    assert ("default: card" in found.found) == bool(devices)


def test_mp3_needs_a_new_libsndfile(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(doctor.check_formats()).status == "ok"
    monkeypatch.setattr("soundfile.available_formats", lambda: {"WAV": "", "FLAC": "", "OGG": ""})
    assert "libsndfile 1.1" in only(doctor.check_formats()).cure


def test_midi_without_interface_and_without_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    import rtmidi

    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_RTMIDI_DUMMY])
    assert "reinstall python-rtmidi" in only(doctor.check_midi()).cure
    port = SimpleNamespace(get_ports=lambda: ["Launchpad"], delete=lambda: None)
    monkeypatch.setattr(rtmidi, "get_compiled_api", lambda: [rtmidi.API_UNIX_JACK])
    monkeypatch.setattr(rtmidi, "MidiIn", lambda api: port)
    assert "Launchpad" in only(doctor.check_midi()).found


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
@pytest.mark.parametrize("granted", [True, False])
def test_real_time_rights(granted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    def scheduler(*_: Any) -> None:
        if not granted:
            raise PermissionError

    limit = -1 if granted else 65536
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(os, "sched_setscheduler", scheduler, raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limit, limit))
    checks = doctor_machine.check_realtime()
    assert [check.status for check in checks] == (["ok"] * 2 if granted else ["warn"] * 2)
    assert all(("limits.d" in check.cure) != granted for check in checks)


def test_other_systems_need_no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert "MMCSS" in only(doctor_machine.check_realtime()).found


def test_numba_cache_cold_warm_and_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jit, "cache_dir", lambda: tmp_path)
    assert "rtstem demo" in only(doctor_machine.check_numba_cache()).cure
    (tmp_path / "inference.inference_loop-1.nbc").touch()
    assert only(doctor_machine.check_numba_cache()).status == "ok"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "NUMBA_CACHE_DIR" in only(doctor_machine.check_numba_cache()).cure


def test_one_core_is_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert only(doctor_machine.check_processor()).status == "warn"


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Path, "read_text", lambda self, **_: "MemTotal: 1 kB\nMemAvailable: 102400 kB"
    )
    check = only(doctor_machine.check_memory())
    assert (check.status, check.found) == ("warn", "100 MiB free")


Case = namedtuple("Case", "statuses code words")


@pytest.mark.parametrize(
    "case",
    [
        Case(["ok", "ok"], 0, "nothing to do"),
        Case(["ok", "warn"], 0, "1 of 2 could be better"),
        Case(["fail", "warn"], 1, "1 of 2 must be mended"),
    ],
)
def test_command(
    case: Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = [
        Check(f"check {n}", status, "found it", "" if status == "ok" else "do that")
        for n, status in enumerate(case.statuses)
    ]
    monkeypatch.setattr(doctor, "run_doctor", lambda progress=None: report)
    assert cli.run(["doctor"]) == case.code
    out = capsys.readouterr().out
    assert case.words in out
    assert ("-> do that" in out) == ("ok" not in case.statuses[1:])
    assert cli.run(["doctor", "--json"]) == case.code
    values = json.loads(capsys.readouterr().out)
    assert [value["status"] for value in values] == case.statuses
