"""The parts of tools/bench that compute: processor time by thread, tables, goals."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rtstem import separate
from rtstem.resources import find_model

BENCH = Path(__file__).parents[2] / "tools" / "bench"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def tool(monkeypatch):
    """tool("engines") is the module of that script."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


def test_processor_time_is_booked_on_the_thread_that_used_it(tool):
    threads = tool("threads")
    working, done, worked = threading.Event(), threading.Event(), []

    def work():
        end = time.thread_time() + 0.2
        while time.thread_time() < end:
            pass
        worked.append(time.thread_time())  # more where the machine stalled in the last round
        working.set()
        done.wait()

    before, process = threads.thread_seconds(), time.process_time()
    thread = threading.Thread(target=work, name="rtstem-inference")
    thread.start()
    working.wait()
    after, process = threads.thread_seconds(), time.process_time() - process
    done.set()
    thread.join()
    assert after["inference"] == pytest.approx(worked[0], abs=0.05)
    assert sum(after.values()) - sum(before.values()) == pytest.approx(process, abs=0.05)


def test_an_engine_with_any_fault_is_not_clean(tool):
    engines = tool("engines")
    clean = dict.fromkeys(engines._COUNTED, 0) | {"cpu": 20.0, "hop": 2000.0}
    faults = [clean | {name: 1} for name in engines._COUNTED]
    row = engines.row(len(faults) + 1, [clean, *faults], 0)
    assert row["clean"] == 1
    assert row["late hops"] == row["missed blocks"] == 1
    assert (row["% of a core each"], row["together"]) == (20.0, 20.0 * (len(faults) + 1))


def test_a_gap_after_a_slow_callback_is_told_apart(tool):
    shim = tool("shim")
    timer = shim.CallbackTimer.__new__(shim.CallbackTimer)
    timer._state = np.zeros(6, np.int64)
    block = 1_000_000  # ns, 48 frames at 48 kHz
    starts = block * np.array([0, 1, 3, 4, 6])  # two blocks late, twice
    spent = np.array([100_000, 100_000, 100_000, 900_000, 100_000])
    timer._log = np.stack([starts, starts + spent, np.full(5, 48)], axis=1)
    timer._state[shim._CALLS] = 5
    log = timer.read(48_000)
    assert (log["gaps"], log["gaps_after_slow_callback"]) == (2, 1)
    assert log["missed_deadlines"] == 0


def test_scores_of_peers_are_signal_to_distortion_ratios(tool, tmp_path):
    peers = tool("peers")
    truth = {name: np.full((100, 2), level, np.float32) for name, level in (("a", 1), ("b", 2))}
    songs = {"song": {"vocals": truth["a"], "accompaniment": truth["b"]}}
    estimates = {"vocals": 0.9 * truth["a"].T, "drums": truth["b"].T, "bass": 0.2 * truth["a"].T}
    np.savez(tmp_path / "song.npz", **estimates)
    assert peers.score(songs, tmp_path) == {"song": {"vocals": 20.0, "accompaniment": 20.0}}


def test_a_peer_that_does_not_run_is_one_line(tool):
    peers = tool("peers")
    with pytest.raises(
        peers.PeerError, match=r"^does not run: ZeroDivisionError: division by zero$"
    ):
        peers.run_or_say([sys.executable, "-c", "1/0"], "does not run")


@pytest.mark.parametrize("script", ["peers", "rates", "conceal", "smaller"])
def test_benches_of_songs_say_what_a_song_is(tmp_path, script):
    where = ["--peers", "--data", str(tmp_path)] if script == "peers" else [str(tmp_path)]
    command = [sys.executable, str(BENCH / f"{script}.py"), *where]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "no songs; a song is a folder with vocals.ogg" in told.stderr.splitlines()[-1]


def test_the_picture_shows_every_period_and_peer(tool, tmp_path):
    picture = tool("picture")
    times = {"p50": 5, "p99": 20, "p99.9": 60, "max": 90}
    callback = {"rows": [{"period": n, "us": 21 * n} | times for n in (64, 128)]}
    peer = {"by CPU time": 9.0}
    peers = {
        "rows": [
            {"peer": "rtstem", "must have heard ms": 23.2} | peer,
            {"peer": "open-unmix", "must have heard ms": "all"} | peer,
        ]
    }
    picture.draw(callback, peers, tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    for words in ("64 frames", "128 frames", "rtstem", "open-unmix (whole piece)"):
        assert words in text


def test_the_picture_refuses_another_result(tmp_path):
    other = tmp_path / "hop.json"
    other.write_text(json.dumps({"rows": [{"stage": "STFT"}]}))
    command = [sys.executable, str(BENCH / "picture.py"), str(other), str(other), "x.svg"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "not a result of" in told.stderr.splitlines()[-1]


@pytest.mark.parametrize(("variant", "share", "nearness"), [("int8", 0.4, 25), ("fp16", 0.6, 40)])
def test_smaller_weights_separate_alike(tool, tmp_path, variant, share, nearness):
    smaller = tool("smaller")
    model = find_model("tight")
    smaller.MAKERS[variant](model, tmp_path / "smaller.onnx")
    assert (tmp_path / "smaller.onnx").stat().st_size < share * model.stat().st_size
    audio = np.random.default_rng(0).normal(0, 0.1, (22_050, 2)).astype(np.float32)
    whole = separate(audio, 44_100, model=model)["drums"]
    error = separate(audio, 44_100, model=tmp_path / "smaller.onnx")["drums"] - whole
    assert 0 < np.square(error).sum() < 10 ** (-nearness / 10) * np.square(whole).sum()


@pytest.mark.parametrize("network", ["48x4", "64x4, 6 hops ahead", "64x4, GRU"])
def test_a_song_in_pieces_is_the_song_in_one(tool, monkeypatch, network):
    torch = pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")
    architectures = tool("architectures")
    torch.manual_seed(0)
    rival = architectures.RIVALS[network]
    model = rival.network(rival.config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    stft = architectures.AsymmetricSTFT(model.config.fft_size, model.config.hop)
    audio = np.random.default_rng(0).normal(0, 0.1, (40_000, 2)).astype(np.float32)
    whole = architectures.separated(audio, 44_100, model=model, stft=stft)
    monkeypatch.setattr(architectures, "PIECE", 20)
    pieces = architectures.separated(audio, 44_100, model=model, stft=stft)
    for name, stem in whole.items():
        np.testing.assert_allclose(pieces[name], stem, atol=1e-5)
        assert np.abs(stem).max() > 0.01
