"""`rtstem live --record` over a real sound server: what is in the files is what came in and went out."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from engineprocess import Command, child_environment
from exactness import SPOILT, STALLED
from jackbench import Rig

from rtstem.control.recording_log import read_log
from tests.models import STEMS

RATE, PERIOD = 48000, 256
KEYS = "1sv0d"  # mute, fader, unmute, all up, another fader: each one changes the mix


def live(server, model: str, take: Path, *arguments: str) -> Command:
    ports = ("--input", "system", "--output", "system", "--safety-hops", "2")
    return Command(server, "live", "--model", model, *ports, "--record", str(take), *arguments)


def press(command: Command, key: str) -> None:
    assert command.process.stdin is not None
    command.process.stdin.write(key)
    command.process.stdin.flush()


def ended(command: Command) -> tuple[str, str]:
    """Output and errors of a command that ends by itself: the end of its input would end it too."""
    _, errors = command.end(120)
    return command.output, errors


def again(server, take: Path) -> str:
    """What `rtstem replay` says."""
    done = subprocess.run(
        [sys.executable, "-m", "rtstem", "replay", str(take)],
        env=child_environment(server),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def sound(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE
    return samples


def shortest(take: Path) -> int:
    """Frames in the shortest file of a recording that goes on, about."""
    return min((path.stat().st_size // 8 for path in take.glob("*.wav")), default=0)


def places(frames: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Where in `within` [2, n] each of `frames` [m, 2] lies, bit for bit; -1: nowhere.

    The frames of noise are all different, so this needs no alignment and survives lost cycles.
    """
    keys = np.ascontiguousarray(within.T, np.float32).view(np.uint64)[:, 0]
    wanted = np.ascontiguousarray(frames, np.float32).view(np.uint64)[:, 0]
    order = np.argsort(keys)
    found = order[np.searchsorted(keys, wanted, sorter=order).clip(max=len(keys) - 1)]
    return np.where(keys[found] == wanted, found, -1)


def near(frames: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Which of `frames` lie in the two cycles before one of `breaks`, or in those that it spoils."""
    after = frames[:, None] - breaks
    return ((after > -2 * PERIOD) & (after < SPOILT * PERIOD)).any(axis=1)


def test_twenty_seconds_recorded_are_what_was_played_and_can_be_mixed_again(
    start_jack, tiny, tmp_path
):
    server, take = start_jack(RATE, PERIOD), tmp_path / "take"
    with live(server, tiny, take, "--seconds", "20") as command, Rig(server, 45) as rig:
        rig.attach()
        for key in KEYS:
            rig.sleep(2.0)
            press(command, key)
        out, errors = ended(command)
        lost, (starts, turns) = rig.breaks()[:, 0], rig.cycles().T
    still = np.ptp(turns) / 1e6 * RATE - np.ptp(starts)  # frames of time in which the server stood
    assert command.process.returncode == 0, errors
    log, files = read_log(take), {path.stem: sound(path) for path in take.glob("*.wav")}
    latency = log.header.latency
    assert set(files) == {"dry", "bus-main", *STEMS}
    dry, main = files["dry"], files["bus-main"]
    assert len({len(samples) for samples in files.values()}) == 1
    assert len(dry) > 19 * RATE - still or len(lost)

    came, went = places(dry, rig.played), places(main, rig.recorded)
    both = (came >= 0) & (went >= 0)
    jumps = np.flatnonzero(np.diff(came[both]) != 1)
    excused = near(came[both][jumps], lost) | near(went[both][jumps], lost)
    assert excused.all(), "the recording lost what the server had not"
    delays, counts = np.unique(went[both] - came[both], return_counts=True)
    assert delays[counts.argmax()] == latency
    assert counts.max() > 0.9 * both.sum() or len(lost)

    missed = int(re.search(r"missed blocks (\d+)", out).group(1))
    apart = np.abs(sum(files[stem] for stem in STEMS) - dry).max(axis=1)
    assert (apart > 1e-6).sum() <= missed * 2 * PERIOD
    moves = [at for at, _ in log.moves]
    assert f"and {len(moves)} moves to {take}" in out
    assert len(moves) == len(KEYS)
    assert np.array_equal(main[: moves[0]], dry[: moves[0]])
    assert not np.array_equal(main[moves[0] : moves[0] + 64], dry[moves[0] : moves[0] + 64])
    assert log.totals is not None
    assert log.totals.frames == len(dry)
    assert "identical to bus-main.wav" in again(server, take)
    if both.sum() <= 15 * RATE and (len(lost) or still > RATE):
        pytest.skip(STALLED)
    assert both.sum() > 15 * RATE


def test_a_killed_recording_over_the_server_is_whole_and_mixes_again(start_jack, tiny, tmp_path):
    server, take = start_jack(RATE, PERIOD), tmp_path / "take"
    with live(server, tiny, take) as command, Rig(server, 30) as rig:
        rig.attach()
        rig.sleep(1.5)
        press(command, "1")
        rig.sleep(1.5)
        deadline = time.monotonic() + 30.0
        while shortest(take) < 2.1 * RATE and time.monotonic() < deadline:
            time.sleep(0.05)
        command.process.send_signal(signal.SIGKILL)
        command.process.wait(30)
    lengths = [len(sound(path)) for path in take.glob("*.wav")]
    assert len(lengths) == 2 + len(STEMS)
    assert min(lengths) > 2 * RATE
    assert max(lengths) - min(lengths) <= 8192
    said = again(server, take)
    assert "identical to bus-main.wav" in said
    assert "cut off" in said


def test_a_disk_that_is_full_ends_the_recording_and_not_the_audio(start_jack, tiny, tmp_path):
    """A file system of 4 MB of its own, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if sys.platform == "win32" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        server = start_jack(RATE, PERIOD)
        with (
            live(server, tiny, disk / "take", "--seconds", "60") as command,
            Rig(server, 80) as rig,
        ):
            rig.attach()
            assert command.says("disk full"), command.output
            heard = rig.sleep(2.0)
            rig.sleep(1.0)
            press(command, "\x1b")
            out, errors = ended(command)
            broken = len(rig.breaks())
        assert command.process.returncode == 0, errors
        assert "disk full" in errors + out
        second = rig.recorded[0, heard : heard + RATE // 2]
        whole = np.isfinite(second).mean() > 0.9
        assert np.nanmax(np.abs(second)) > 0.1, "the audio has ended"
        if broken and not whole:
            pytest.skip(STALLED)
        assert whole
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
