"""`rtstem crate` as a program: a messy library, and ends of every kind in the middle of the work."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtstem.crate_index import SIDECAR
from rtstem.crate_pool import Lost, Pool
from rtstem.crate_work import Told
from tests.crate_library import (
    BAD,
    COPIES,
    GOOD,
    assert_whole,
    messy_library,
    pcm24,
    song,
    temporaries,
    unfinished,
)
from tests.models import STEMS, tiny_model
from tests.waiting import until

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start("crate", "in", ...): a running rtstem in the test's folder, its output in pipes."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [sys.executable, "-m", "rtstem", *arguments],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    return str(tiny_model(tmp_path / "tiny.onnx"))


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def long_songs(library: Path, count: int = 3) -> list[Path]:
    """A second or more of work each, with the model `live`."""
    return [
        song(library / "x" / f"{number}.wav", seconds=SECONDS, seed=number)
        for number in range(count)
    ]


SECONDS = 10
CRATE = ("crate", "in", "out", "--format", "flac")


def records(folder: Path) -> list[Path]:
    return list(folder.rglob(SIDECAR))


def complete(folder: Path) -> list[Path]:
    """The folders below it whose record says that all stems are there."""
    told = {path.parent: json.loads(path.read_text())["files"] for path in records(folder)}
    return [song for song, files in told.items() if all(f["size"] for f in files.values())]


def listed(out: str, result: str) -> int:
    return int(re.search(rf"(\d+) {result}", out).group(1))


def test_a_messy_library(tmp_path, start, tiny):
    """The destination lies inside: it must not be taken for music."""
    messy_library(tmp_path / "in")
    command = ("crate", "in", "in/Stems", "--format", "flac", "--model", tiny, "--jobs", "2")

    code, out, err = ended(start(*command, "--dry-run"))
    assert (code, out.count("separate  "), out.count("copy      ")) == (2, 8, 2)
    assert len([line for line in err.splitlines() if line.startswith("error ")]) == 5
    assert not (tmp_path / "in" / "Stems").exists()

    code, out, err = ended(start(*command))
    assert code == 2
    assert "15 songs: 7 separated" in out
    assert (listed(out, "copied"), listed(out, "failed")) == (2, 6)
    last = err.splitlines()[-6:]
    assert all(line.startswith("error: ") for line in last)
    assert sorted(line.split(":")[1].strip() for line in last) == sorted(
        str(tmp_path / "in" / name) for name in BAD
    )
    exact = {name: name for name in GOOD if name.endswith((".wav", ".flac"))} | COPIES
    for name in [*GOOD, *COPIES]:
        path = tmp_path / "in" / "Stems" / name
        folder = path if path.is_dir() else path.with_suffix("")
        assert {file.name for file in folder.iterdir()} == {SIDECAR, *(f"{s}.flac" for s in STEMS)}
        if name in exact:
            assert_whole(folder, tmp_path / "in" / exact[name], STEMS)
    assert len(records(tmp_path / "in" / "Stems")) == len(GOOD) + len(COPIES)
    assert not temporaries(tmp_path)

    code, out, _ = ended(start(*command))
    assert code == 2
    assert (listed(out, "separated"), listed(out, "done before")) == (0, 9)


def test_presets_and_wrong_options(tmp_path, start, tiny):
    song(tmp_path / "in" / "song.wav")
    both = ("--preset", "acapella", "--preset", "instrumental")
    code, _, err = ended(start(*CRATE, "--model", tiny, *both))
    assert (code, err) == (0, "")
    assert_whole(
        tmp_path / "out" / "song", tmp_path / "in" / "song.wav", ("vocals", "accompaniment")
    )
    for wrong, line in (
        ((*both, "--stems", "bass"), "--stems and --preset say the same"),
        (("--jobs", "2", "--scheduler", "tcp://x:1"), "give one"),
        (("--stems", "vocal"), "did you mean 'vocals'"),
    ):
        code, out, err = ended(start(*CRATE, *wrong))
        assert (code, out) == (2, "")
        assert line in err
        assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_cleans_up_and_goes_on_later(tmp_path, start, number):
    sources = long_songs(tmp_path / "in")
    process = start(*CRATE, "--jobs", "2", start_new_session=True)
    until(lambda: temporaries(tmp_path) and complete(tmp_path))
    process.send_signal(number)
    code, _, err = ended(process)
    assert code == 130
    assert "the same command goes on from here" in err
    assert not temporaries(tmp_path)
    folders = complete(tmp_path)
    finished = {path: path.stat().st_mtime_ns for f in folders for path in f.glob("*.flac")}
    assert len(folders) in (1, 2)
    assert len(finished) == 4 * len(folders)

    code, out, _ = ended(start(*CRATE, "--jobs", "2"))
    assert code == 0
    assert listed(out, "done before") == len(folders)
    for source in sources:
        assert_whole(tmp_path / "out" / "x" / source.stem, source, STEMS)
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())


def test_a_run_that_is_killed_leaves_no_half_files_and_no_processes(tmp_path, start):
    sources = long_songs(tmp_path / "in", 3)
    process = start(*CRATE, "--jobs", "2")
    until(lambda: len(temporaries(tmp_path)) == 8)
    workers = children(process.pid)
    assert len(workers) >= 2
    for pid in (process.pid, *workers):  # as when the power fails: nobody can clean up
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert temporaries(tmp_path)
    for path in tmp_path.rglob("*.flac"):
        assert len(pcm24(path)) == SECONDS * 44100

    code, _, err = ended(start(*CRATE, "--jobs", "2"))
    assert (code, err) == (0, "")
    assert not temporaries(tmp_path)
    for source in sources:
        assert_whole(tmp_path / "out" / "x" / source.stem, source, STEMS)


def test_workers_end_with_a_killed_parent(tmp_path, start):
    long_songs(tmp_path / "in", 2)
    process = start(*CRATE, "--jobs", "2")
    until(lambda: temporaries(tmp_path))
    workers = children(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(alive(pid) for pid in workers), 30)
    assert not temporaries(tmp_path)


def test_a_worker_that_is_killed_costs_no_song(tmp_path, start):
    sources = long_songs(tmp_path / "in", 3)
    process = start(*CRATE, "--jobs", "2")
    writer = until(lambda: next(filter(unfinished, children(process.pid)), None))
    os.kill(writer, signal.SIGKILL)
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert listed(out, "separated") == 3
    assert not temporaries(tmp_path)
    for source in sources:
        assert_whole(tmp_path / "out" / "x" / source.stem, source, STEMS)


def end_or_return(item: int, told: Told) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    told(1.0)
    return item * 2


def test_a_song_that_kills_its_process_is_given_up_and_no_other():
    with Pool(2) as pool:
        results = dict(pool.run(end_or_return, range(8), lambda seconds: None))
    assert {item: result for item, result in results.items() if item != 3} == {
        item: item * 2 for item in range(8) if item != 3
    }
    assert isinstance(results[3], Lost)
    assert "SIGKILL" in results[3].reason


def test_a_full_disk_ends_the_run(tmp_path, start, tiny):
    for number in range(12):
        song(tmp_path / "in" / f"{number}.wav", seconds=3, seed=number)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    code, out, err = ended(start(*CRATE, "--model", tiny, "--jobs", "1", preexec_fn=limit))
    assert code == 1
    assert "1 failed" in out
    assert "stopped there, 11 songs were not tried" in err
    assert not list((tmp_path / "out").rglob("*"))


def test_two_runs_do_not_share_a_destination(tmp_path, start):
    long_songs(tmp_path / "in", 2)
    first = start(*CRATE, "--jobs", "1")
    until(lambda: temporaries(tmp_path))
    code, _, err = ended(start(*CRATE))
    assert code == 2
    assert "another `rtstem crate` is at work there" in err
    assert ended(first)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_split_cleans_up_when_it_is_ended(tmp_path, start, number):
    song(tmp_path / "song.wav", seconds=30)
    ours = signal.signal(number, signal.SIG_DFL)  # nohup's children would ignore it
    process = start("split", "song.wav", "-o", "out")
    signal.signal(number, ours)
    until(lambda: temporaries(tmp_path))
    process.send_signal(number)
    assert ended(process)[0] == 130
    assert os.listdir(tmp_path) == ["song.wav"]


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
