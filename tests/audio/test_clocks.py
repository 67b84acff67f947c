"""Input and output as two streams: PortAudio's over a JACK server, and a virtual output that runs fast.

JACK's clock and the virtual device's are as good as one here, so the second one is made to differ.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from engineprocess import Command, EngineProcess, system_config
from exactness import STALLED
from jackbench import Rig, settled

FAST = 204  # ppm
LOOK_SECONDS, LOOKS = 2.5, 8
PATIENCE_SECONDS = 60.0


def config(model, **audio):
    return system_config(model, audio={"input": "system", "output": "system"} | audio)


def heard_delay(rig, start, end):
    """Frames between input 1 and output 1, by correlation; and how alike they are, 0 to 1."""
    heard = rig.recorded[0, start:end]
    where = rig.played[0, start - 16384 : end]
    size = 1 << (len(where) + len(heard)).bit_length()
    spectrum = np.fft.rfft(where, size) * np.conj(np.fft.rfft(heard, size))
    likeness = np.fft.irfft(spectrum, size)[: len(where) - len(heard) + 1]
    best = int(np.argmax(likeness))
    piece = where[best : best + len(heard)]
    return 16384 - best, float(likeness[best] / np.linalg.norm(heard) / np.linalg.norm(piece))


def follows(seen):
    """Whether the drift of the fast clock is told, and the ring neither fills nor empties."""
    first, last = seen[2]["clocks"], seen[-1]["clocks"]
    steady = abs(last["ring_ms"] - first["ring_ms"]) < 1.0
    return abs(last["ppm"] + FAST) < 10 and steady


def watched(engine, server):
    """Snapshots of 20 s; of later ones where they are wrong and the server lost time or cycles.

    2 ms would be 100 ppm of drift for a while.
    """
    seen, xruns = [], server.xruns
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        seen.append(engine.ask("snapshot"))
        looks = seen[-LOOKS:]
        if len(looks) == LOOKS and (follows(looks) or server.xruns == xruns):
            return looks
    pytest.skip(STALLED)


def awaited(engine, condition):
    """The first snapshot with `condition`, the last one of a minute where there is none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition(seen := engine.ask("snapshot")) and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen


def test_two_streams_are_as_late_as_declared(start_jack, tiny):
    server = start_jack(48000, 256)
    with EngineProcess(server, config(tiny, clocks="two")) as engine, Rig(server, 16) as rig:
        rig.attach()
        start, xruns = settled(rig) + 2 * server.rate, server.xruns
        end = rig.sleep(4.0)
        told = engine.ask("snapshot")
        quiet = server.xruns == xruns
    delay, likeness = np.inf, 0.0
    for piece in np.linspace(start, end - 8192, 12).astype(int):
        if not np.isnan(rig.recorded[0, piece : piece + 8192]).any():
            delay, likeness = heard_delay(rig, piece, piece + 8192)
            if likeness > 0.8:  # half a frame of white noise is lost between frames
                break
    assert told["model_faults"] == 0
    late, ppm = abs(delay - engine.hello["latency"]), abs(told["clocks"]["ppm"])
    if not quiet and (late > 6 or ppm >= 10):
        pytest.skip(STALLED)
    assert late <= 6, (delay, likeness, engine.hello)
    assert ppm < 10


@pytest.mark.parametrize(("rate", "period"), [(44100, 512), (48000, 1024)])
def test_a_clock_that_runs_fast_is_followed(start_jack, tiny, rate, period):
    """The virtual output has blocks of 256; the input has the server's, not parts in bursts."""
    server = start_jack(rate, period)
    settings = config(tiny, output="virtual", sample_rate=44100)
    settings["latency"]["clock_margin_ms"] = 20  # for a machine that stalls
    with EngineProcess(server, settings) as engine:
        engine.ask("run_fast", ppm=FAST)
        seen = watched(engine, server)
    assert follows(seen), [look["clocks"] for look in seen]
    drifted_ms = 12.5 * FAST / 1000
    assert drifted_ms > 2.5  # what the ring would have lost without
    assert seen[-1]["blocks"] > 15 * 44100 / 256


def test_blocks_in_bursts_are_told_of(start_jack, tiny):
    server = start_jack(48000, 1024)
    with EngineProcess(server, config(tiny, clocks="two", block=256)) as engine:
        deadline, told = time.monotonic() + 30.0, False
        while not told and time.monotonic() < deadline:
            time.sleep(0.5)
            seen = engine.ask("snapshot")
            told = any("set audio.block to 0" in line for line in seen["notices"])
    assert told, seen


def test_an_input_that_is_gone_ends_a_virtual_output(start_jack, tiny):
    server = start_jack(48000, 256)
    arguments = ("--model", tiny, "--input", "system", "--output", "virtual", "--seconds", "180")
    with Command(server, "live", *arguments) as command:
        assert command.says("ppm"), "no status line came"
        server.kill()
        code, errors = command.end()
    assert code == 1, errors
    assert "error: the stream has stopped; start rtstem again" in errors
    assert "'system' gives no audio any more" in command.output + errors
    assert "Traceback" not in errors


def test_both_streams_come_back_with_the_server(start_jack, tiny):
    server = start_jack(48000, 256)
    with EngineProcess(server, config(tiny, clocks="two")) as engine:
        time.sleep(1.0)
        before, xruns = engine.ask("snapshot"), server.xruns
        server.kill()
        time.sleep(1.0)
        server.start_again()
        awaited(engine, lambda seen: any("is back after" in line for line in seen["notices"]))
        time.sleep(2.0)
        enough = before["blocks"] + 1.5 * 48000 / 256
        later = awaited(engine, lambda seen: seen["blocks"] > enough)
        xruns += server.xruns
    assert any("is back after" in line and "as before" in line for line in later["notices"]), later
    assert later["blocks"] > enough
    apart = abs(later["clocks"]["ring_ms"] - before["clocks"]["ring_ms"])
    if apart > 1.0 and xruns:
        pytest.skip(STALLED)
    assert apart <= 1.0, (before["clocks"], later["clocks"])
