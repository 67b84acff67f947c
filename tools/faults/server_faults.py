"""Faults of the sound server: a private jackd that dies, hangs or comes back with other settings.

The engine runs in a child. Before and after the fault a player and recorder prove by frame numbers
that the main bus is the delayed input bit for bit, and that the muted stem is missing in the other.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.models import DEFAULT_GAINS, STEMS, tiny_model

from .outcome import Outcome, UnavailableError

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "audio"))

from engineprocess import EngineProcess, system_config
from exactness import compare, excused_frames, find_latency
from jackbench import Rig, settled
from jackserver import JackServer, jack_server, missing

RATE, PERIOD = 48000, 256
BACK_SECONDS = 3.0
STOPPED = "'system' has stopped; waiting for it to come back"
BACK = "'system' is back after"
NO_PROOF = "the machine lost too many cycles to prove anything"
SILENT = "the sound device does not ask for audio"


@dataclass
class Stage:
    """A server, an engine on it, and what is known of both."""

    server: JackServer
    engine: EngineProcess
    outage_ms: float = 0.0
    recovered_ms: float | None = None

    def ask(self) -> dict[str, Any]:
        return self.engine.ask("snapshot")

    def notices(self) -> tuple[str, ...]:
        return tuple(self.ask()["notices"])

    def wait_back(self, lost_at: float, seconds: float = 10.0) -> None:
        """The server is up: until the engine plays again."""
        up = time.monotonic()
        while time.monotonic() - up < seconds:
            if self.ask()["running"]:
                now = time.monotonic()
                self.recovered_ms, self.outage_ms = 1000 * (now - up), 1000 * (now - lost_at)
                return
            time.sleep(0.05)

    def proof(self, seconds: float = 1.5) -> list[str]:
        """What is wrong with the sound now."""
        with Rig(self.server, seconds + 10, outputs=4) as rig:
            rig.attach()
            start = settled(rig)
            end = rig.sleep(seconds)
        latency = find_latency(rig, start, end)
        declared = round(self.ask()["latency_ms"] * self.server.rate / 1000)
        if latency != declared:
            return [f"latency {latency} frames instead of {declared}"]
        muted, rig.recorded = rig.recorded[2:, start:end], rig.recorded[:2]
        match = compare(rig, latency, start, end)
        clean = ~excused_frames(rig, latency, start, end)
        dry = rig.played[:, start - latency : end - latency]
        off = np.abs(muted - (1 - DEFAULT_GAINS[0]) * dry).max(axis=0) > 1e-5
        problems = [f"{match.bad} frames are not the delayed input"] if match.bad else []
        if clean.mean() < 0.5:
            problems.append(NO_PROOF)
        if (off & clean).mean() > 0.02:  # a late hop of a busy machine is no fault of ours
            problems.append("the muted stem is heard")
        return problems


@contextlib.contextmanager
def stage(folder: Path, safety_hops: float = 2.0, **audio: Any) -> Iterator[Stage]:
    """A running stage whose vocals were muted while it ran."""
    reason = missing()
    if reason is not None:
        raise UnavailableError(reason)
    folder.mkdir(parents=True, exist_ok=True)
    buses = {
        "main": {"channels": [1, 2], "gains": dict.fromkeys(STEMS, 1.0)},
        "muted": {"channels": [3, 4], "gains": "desk"},
    }
    config = system_config(str(tiny_model(folder / "model.onnx")), buses=buses)
    config["audio"] |= audio
    config["latency"] = {"safety_hops": safety_hops}
    with jack_server(RATE, PERIOD) as server, EngineProcess(server, config) as engine:
        engine.ask("set", stem="vocals", value=0.0)
        yield Stage(server, engine)


def _play(
    folder: Path, fault: Callable[[Stage], object], expected: list[str], **settings: Any
) -> Outcome:
    """Proof, fault, proof."""
    with stage(folder, **settings) as on:
        problems = [f"before the fault: {problem}" for problem in on.proof(1.0)]
        fault(on)
        problems += on.proof()
        seen = on.ask()
        outcome = Outcome(on.outage_ms, 0.0, on.recovered_ms, tuple(seen["notices"]), problems)
        outcome.demand(not seen["error"], seen["error"])
        outcome.demand(on.engine.stop() == 0, "the engine did not end in order")
    late = tuple(m for m in outcome.messages if "stems" not in m)  # of a busy machine
    outcome.messages = outcome.messages if any("stems" in e for e in expected) else late
    outcome.demand_messages(expected)
    outcome.demand(outcome.recovered_ms is not None, "it did not come back")
    back = outcome.recovered_ms or 0.0
    outcome.demand(back <= 1000 * BACK_SECONDS, f"it took {back:.0f} ms to come back")
    return outcome


def _comes_back(how: signal.Signals, rate: int = RATE, period: int = PERIOD) -> Callable[..., None]:
    def fault(on: Stage) -> None:
        lost = time.monotonic()
        on.server.kill(how)
        time.sleep(1.5)
        on.server.start_again(rate, period)
        on.wait_back(lost)

    return fault


def server_killed(folder: Path) -> Outcome:
    """the sound server is killed and started again"""
    return _play(folder, _comes_back(signal.SIGKILL), [STOPPED, "ms as before"])


def server_stopped(folder: Path) -> Outcome:
    """the sound server is stopped in order and started again"""
    return _play(folder, _comes_back(signal.SIGTERM), [STOPPED, "ms as before"])


def server_period(folder: Path) -> Outcome:
    """the sound server comes back with a period of 1024"""
    fault = _comes_back(signal.SIGKILL, period=1024)
    return _play(folder, fault, [STOPPED, "latency is now"])


def server_rate(folder: Path) -> Outcome:
    """the sound server comes back at 44100 Hz"""
    fault = _comes_back(signal.SIGKILL, rate=44100)
    return _play(folder, fault, [STOPPED, "now at 44100 Hz"])


def server_rate_refused(folder: Path) -> Outcome:
    """... where 48000 Hz were asked for, until it is right again"""

    def fault(on: Stage) -> None:
        lost = time.monotonic()
        on.server.kill()
        on.server.start_again(rate=44100)
        time.sleep(2.5)
        on.server.kill(signal.SIGTERM)
        on.server.start_again(rate=RATE)
        on.wait_back(lost)

    refused = "'system' has come back at 44100 Hz instead of 48000 Hz; set it to 48000 Hz"
    return _play(folder, fault, [STOPPED, refused, "ms as before"], sample_rate=RATE)


def server_hangs(folder: Path) -> Outcome:
    """the sound server hangs for 2 s"""
    return _play(folder, _hangs(2.0), [SILENT, "the sound device asks for audio again"])


def server_hangs_long(folder: Path) -> Outcome:
    """the sound server hangs for 6 s"""
    return _play(folder, _hangs(6.0), [SILENT, STOPPED, BACK])


def server_hangs_killed(folder: Path) -> Outcome:
    """the sound server hangs for 6 s, is killed and started again"""
    return _play(folder, _hangs(6.0, killed=True), [SILENT, STOPPED, BACK])


def _hangs(seconds: float, killed: bool = False) -> Callable[[Stage], None]:
    def fault(on: Stage) -> None:
        lost = time.monotonic()
        os.kill(on.server.pid, signal.SIGSTOP)
        time.sleep(seconds)
        if killed:
            on.server.kill()
            on.server.start_again()
        else:
            os.kill(on.server.pid, signal.SIGCONT)
        on.wait_back(lost)

    return fault


def suspended_under_jack(folder: Path) -> Outcome:
    """the engine's process is stopped for 3 s under a running server"""
    with stage(folder) as on:  # no player or recorder: JACK makes them wait after such a client
        time.sleep(1.0)
        lost = time.monotonic()
        on.engine.send_signal(signal.SIGSTOP)
        time.sleep(3.0)
        on.engine.send_signal(signal.SIGCONT)
        on.wait_back(lost)
        time.sleep(0.5)
        before = on.ask()
        time.sleep(1.0)
        after = on.ask()
        outcome = Outcome(on.outage_ms, 0.0, on.recovered_ms, tuple(after["notices"]))
    outcome.demand(not after["error"], after["error"])
    outcome.demand(after["latency_ms"] == before["latency_ms"], "the latency has changed")
    blocks = after["blocks"] - before["blocks"]
    outcome.demand(blocks > 0.5 * RATE / PERIOD, f"only {blocks} blocks came in the next second")
    outcome.messages = tuple(m for m in outcome.messages if "stems" not in m)
    outcome.demand_messages([])
    return outcome


def period_changed(folder: Path) -> Outcome:
    """the period of the running server goes to 64, 1024 and back"""

    def fault(on: Stage) -> None:
        lost = time.monotonic()
        for frames, seconds in ((64, 1.0), (1024, 2.0), (PERIOD, 3.0)):
            on.server.set_period(frames)
            time.sleep(seconds)
        on.wait_back(lost)

    grown = "stems come too late: the device's blocks have grown"
    return _play(folder, fault, [grown, "stems are in time again"], safety_hops=0.5)
