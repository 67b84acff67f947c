"""`rtstem live` as its own process: in a terminal, through a pipe, by signals. No sound card."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile

from rtstem.model_signals import music
from tests.models import tiny_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and signals")

READY_SECONDS = 180.0  # a cold numba cache compiles first
RATE = 44100
STOOD_STILL = ("note: stems ", "note: the input ", "note: the sound device ")  # of the machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live")
    tiny_model(path / "tiny.onnx")
    soundfile.write(path / "song.flac", music(RATE * 60, RATE), RATE)
    soundfile.write(path / "short.wav", music(RATE, RATE), RATE)
    return path


def command(folder: Path, *more: str, song: str = "song.flac") -> list[str]:
    return [
        *(sys.executable, "-m", "rtstem", "live", "--model", str(folder / "tiny.onnx")),
        *("--input", f"file:{folder / song}", "--output", "virtual", *more),
    ]


def start(folder: Path, *more: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, *more),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Lines of the process up to the first that holds `wanted`."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return "".join(lines)
    raise AssertionError(f"no {wanted!r} in {lines} {process.stderr and process.stderr.read()}")


def test_pipe_sends_keys_and_its_end_quits(folder: Path) -> None:
    process = start(folder)
    assert process.stdin
    read_until(process, "latency")
    process.stdin.write("v\n")
    process.stdin.flush()
    read_until(process, "vocals muted")
    out, err = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 0, err
    assert out.splitlines()[-1].startswith("played 0:")
    assert [line for line in err.splitlines() if not line.startswith(STOOD_STILL)] == []


def test_sigterm_stops_cleanly(folder: Path) -> None:
    process = start(folder, stdin=subprocess.DEVNULL)
    read_until(process, "load")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=READY_SECONDS)
    assert process.returncode == 0, err
    assert "played" in out


def test_ends_with_the_file(folder: Path) -> None:
    done = subprocess.run(
        command(folder, song="short.wav"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "played 0:01" in done.stdout


def test_terminal_shows_the_screen_and_is_restored(folder: Path, tmp_path: Path) -> None:
    import pty
    import termios

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 80))
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        command(folder, "--seconds", "30", "--picture", str(tmp_path / "live.svg")),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=lambda: take_terminal(slave),
    )
    try:
        read_screen(master, "Esc quit")
        os.write(master, b"2")
        read_screen(master, "MUTE")  # the line that says "drums muted" may give way to a late hop's
        os.write(master, b"\x1b")
        text = read_screen(master, "played 0:")
        assert process.wait(READY_SECONDS) == 0
        assert "\x1b[?1049l" in text, "the normal screen must come back"
        assert termios.tcgetattr(slave) == before
        assert "drums" in (tmp_path / "live.svg").read_text()
    finally:
        process.kill()
        os.close(master)
        os.close(slave)


def take_terminal(slave: int) -> None:
    """Make the terminal that of the new session, so that Ctrl-C and the foreground work."""
    import fcntl
    import termios

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


def read_screen(master: int, wanted: str) -> str:
    """Output of the terminal until `wanted` is in it."""
    text, end = "", time.monotonic() + READY_SECONDS
    while wanted not in text:
        left = end - time.monotonic()
        if left <= 0 or not select.select([master], [], [], left)[0]:
            raise AssertionError(f"no {wanted!r} in {text[-3000:]!r}")
        text += os.read(master, 65536).decode("utf-8", "replace")
    return text
