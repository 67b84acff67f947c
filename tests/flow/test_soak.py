"""`rtstem soak` on the virtual device: what passes, what fails, and what it says of that."""

from __future__ import annotations

import json
import mmap
import os
import signal
import threading
import time

import pytest

from rtstem import cli, soak
from rtstem.config import make_config
from rtstem.engine import Engine
from rtstem.rt import board as b
from rtstem.soak import demo_music, run_soak
from rtstem.soak_load import Load
from rtstem.soak_report import MAX_GROWTH_MB
from tests.flow.clocked import by_the_clock
from tests.models import tiny_model

SECONDS = 6.0
QUIET = Load(adversaries=("busy",), share=0.1, programs=0, browsers=1, moves=50)
PATIENT = 8  # safety hops: so that a busy machine adds no misses of its own


@pytest.fixture
def config(tmp_path):
    return make_config(
        {
            "model": str(tiny_model(tmp_path / "tiny.onnx")),
            "audio": {"input": demo_music(), "output": "virtual"},
            "latency": {"safety_hops": PATIENT},
        }
    )


@pytest.fixture(autouse=True)
def look_often(monkeypatch):
    """Eight looks after the warm-up are needed, and a machine that stands still costs some."""
    monkeypatch.setattr(soak, "LOOK_SECONDS", 0.2)


@pytest.fixture
def slow_hops(monkeypatch):
    """The inference thread of the next engine sleeps for a second in a hop."""

    class Slow(Engine):
        def start(self):
            super().start()
            self._board.header[b.STALL_NS] = 1_000_000_000

    monkeypatch.setattr(soak, "Engine", Slow)


@by_the_clock
def test_a_soak_measures_all_and_the_output_is_the_input(config):
    told = []
    report = run_soak(config, SECONDS, QUIET, lambda *figures: told.append(figures))
    seen = report.measured
    late = {name: seen.counts[name] for name in ("blocks without stems", "model faults")}
    assert late == {"blocks without stems": 0, "model faults": 0}
    assert seen.seconds == pytest.approx(SECONDS, abs=4)
    assert seen.exactness.compared > 2 * seen.rate
    assert (seen.exactness.bad, seen.exactness.gave_up) == (0, False)
    assert seen.exactness.measured_frames == seen.latency_frames
    assert seen.hop_us.count > 0.8 * seen.exactness.compared / seen.hop_frames
    assert seen.samples
    assert seen.growth is not None
    if not seen.counts["xruns of the host"]:  # else the clock was set anew after a standstill
        assert abs(seen.drift_ppm[0]) < 5000
    assert seen.threads[1] >= 5
    assert "misses" in told[-1][1]
    assert json.dumps(report.to_dict(), allow_nan=False)


def test_moves_and_browsers_were_at_work(config, monkeypatch):
    """The faders move while the check's own bus stays up."""
    engines = []

    class Watched(Engine):
        def start(self):
            engines.append(self)
            super().start()

    def moved():
        return all(value != 1.0 for value in engines[0].desk.state().faders.values())

    monkeypatch.setattr(soak, "Engine", Watched)
    seen = run_soak(config, 60.0, QUIET, stopped=moved).measured
    assert (seen.interrupted, seen.error) == (True, "")


def test_a_model_that_stalls_fails_and_is_named(config, slow_hops):
    report = run_soak(config, 3.0, QUIET)
    assert not report.passed
    names = {item.name for item in report.failures}
    assert {"blocks without stems", "late hops", "slowest hop"} <= names
    assert "late hops" in report.verdict
    assert any(sample.troubles for sample in report.measured.samples)


def test_a_leak_fails_by_its_name(config):
    """16 MB a second that nobody gives back; pages of their own, the heap may have room left."""
    kept, ended, size = [], threading.Event(), 4 << 20

    def leak():
        while not ended.wait(0.25):
            kept.append(mmap.mmap(-1, size))
            kept[-1].write(b"x" * size)

    thread = threading.Thread(target=leak)
    thread.start()
    report = run_soak(config, SECONDS, QUIET)
    ended.set()
    thread.join()
    assert report.measured.growth.mb > MAX_GROWTH_MB
    assert "memory growth" in {item.name for item in report.failures}


def test_a_folder_and_other_buses_are_soaked_as_configured(config, tmp_path):
    os.symlink(demo_music().removeprefix("file:"), tmp_path / "song.ogg")
    more = make_config(
        {
            "model": config.model,
            "audio": {"input": f"file:{tmp_path}", "output": "virtual", "block": 100},
            "latency": {"safety_hops": PATIENT},
            "buses": {
                "main": {"channels": [1, 2]},
                "voice": {"channels": [5], "gains": {"vocals": 1}},
            },
        }
    )
    seen = run_soak(more, 2.0, Load((), programs=0, browsers=0, moves=0)).measured
    assert seen.block == 100
    assert (seen.exactness.bad, seen.exactness.measured_frames) == (0, seen.latency_frames)


# -- the command


def command(config, *more):
    return [
        *("soak", "--model", config.model, "--output", "virtual", "--gentle"),
        *("--safety-hops", str(PATIENT), *more),
    ]


def test_the_command_fails_with_a_report_of_why(config, slow_hops, tmp_path, capsys):
    figures, page = tmp_path / "soak.json", tmp_path / "soak.html"
    arguments = command(config, "--minutes", "0.1", "--json", str(figures), "--report", str(page))
    assert cli.run(arguments) == 1
    out = capsys.readouterr().out
    assert "FAIL after" in out
    assert "late hops" in out
    found = json.loads(figures.read_text())
    assert (found["passed"], found["advice"]) == (False, out.splitlines()[-1])
    assert "FAIL after" in page.read_text()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_gives_the_report_so_far(config, capsys):
    def interrupt():
        began = time.monotonic()
        while not any(t.name == "busy" for t in threading.enumerate()):
            time.sleep(0.05)
            assert time.monotonic() - began < 120
        time.sleep(3.0)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=interrupt)
    hand.start()
    code = cli.run(command(config, "--minutes", "5"))
    hand.join()
    out = capsys.readouterr().out
    assert "of 5 min 0 s (interrupted)" in out
    assert code == (130 if "PASS" in out else 1)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--report", "soak.txt"), "must end in .html, .svg, .png, .pdf"),
        (("--json", "/nowhere/at/all/soak.json"), "is not there or takes no files"),
        (("--safety-hops", "two"), "latency.safety_hops: must be auto or a number from 0 to 64"),
        (("--minutes", "0"), "0.1<=x<=10080"),
        (("--model", "nowhere"), "nowhere"),
        (("--input", "file:nowhere.wav"), "nowhere.wav"),
    ],
)
def test_wrong_use_is_told_before_anything_runs(capsys, given, sentence):
    began = time.monotonic()
    assert cli.run(["soak", "--output", "virtual", *given]) == 2
    assert sentence in capsys.readouterr().err
    assert time.monotonic() - began < 60
