"""`rtstem crate --scheduler`: a real Dask cluster of two processes, of which one is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.crate_library import assert_whole, song, temporaries, unfinished
from tests.models import STEMS, tiny_model
from tests.waiting import until


def required() -> bool:
    """True where a missing Dask is a failure: in CI and where the caller says so."""
    wanted = (os.environ.get(key, "").lower() for key in ("CI", "RTSTEM_REQUIRE_CLUSTER"))
    return any(value not in ("", "0", "false") for value in wanted)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator:
    """Two worker processes of one thread each, and their scheduler."""
    if find_spec("distributed") is None:
        reason = 'Dask is not installed; run: pip install "rtstem[cluster]"'
        if required():
            pytest.fail(f"cluster tests are required here, but {reason}")
        pytest.skip(reason)
    import distributed

    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path / "dask"),
    ) as cluster:
        yield cluster


def crate(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rtstem", "crate", "in", "out", "--format", "flac", *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_all_songs_are_done_once_though_a_worker_is_killed(tmp_path, cluster):
    from distributed import Client

    sources = [
        song(tmp_path / "in" / "x" / f"{seed}.wav", seconds=10, seed=seed) for seed in range(5)
    ]
    song(tmp_path / "in" / "bad.wav").write_bytes(b"\0" * 1000)
    with Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        process = crate(tmp_path, "--scheduler", cluster.scheduler_address)
        until(lambda: list(tmp_path.rglob("*.flac")))
        old = {path.name for path in temporaries(tmp_path)}  # nearly whole
        fresh = until(lambda: next((pid for pid in pids if unfinished(pid) - old), None))
        os.kill(fresh, signal.SIGKILL)
        out, err = process.communicate(timeout=180)
    assert process.returncode == 2, err
    told = re.search(r"6 songs: (\d) separated .* (\d) done before, 1 failed", out)
    assert told, out
    separated, before = map(int, told.groups())
    assert separated + before == 5  # a song may be whole that the worker could not tell of any more
    assert err.splitlines()[-1].startswith(f"error: {tmp_path}/in/bad.wav: cannot be decoded")
    assert not temporaries(tmp_path / "out")
    lines = [out.count(f"x/{source.name}  (") for source in sources]
    assert (max(lines), sum(lines)) == (1, separated)
    for source in sources:
        assert_whole(tmp_path / "out" / "x" / source.stem, source, STEMS)


def test_a_model_and_copies_over_the_cluster(tmp_path, cluster):
    tiny = tiny_model(tmp_path / "tiny.onnx")
    for name in ("a", "b/c"):
        song(tmp_path / "in" / f"{name}.wav")
    process = crate(tmp_path, "--scheduler", cluster.scheduler_address, "--model", str(tiny))
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert "1 separated" in out
    assert "1 copied" in out
    for name in ("a", "b/c"):
        assert_whole(tmp_path / "out" / name, tmp_path / "in" / f"{name}.wav", STEMS)


def test_a_scheduler_that_goes_away_ends_the_run(tmp_path, cluster):
    for seed in range(6):
        song(tmp_path / "in" / f"{seed}.wav", seconds=10, seed=seed)
    process = crate(tmp_path, "--scheduler", cluster.scheduler_address)
    until(lambda: list(tmp_path.rglob("*.flac")))
    cluster.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(err.splitlines()) == 1, err
    assert "went away" in err
    assert "the same command goes on" in err


def test_no_scheduler_is_one_line(tmp_path):
    pytest.importorskip("distributed")
    (tmp_path / "in").mkdir()
    process = crate(tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "no Dask scheduler answers" in err
    assert len(err.splitlines()) == 1


def test_without_dask_the_extra_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    code = (
        "import sys; sys.modules['distributed'] = None; from rtstem.cli import run; "
        "sys.exit(run(['crate', 'in', 'out', '--scheduler', 'tcp://127.0.0.1:1']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        'error: --scheduler needs Dask, which is not installed; run: pip install "rtstem[cluster]"'
    ]
