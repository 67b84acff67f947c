"""One engine streaming over a private JACK server, watched by the exact player and recorder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import common  # noqa: F401  puts tests/audio on the path
from engineprocess import EngineProcess, system_config
from exactness import Match, compare, find_latency
from jackbench import Rig, settled
from jackserver import JackServer, jack_server, missing

_STARTUP_SECONDS = 25.0  # room in the recording for the start of the adversaries


@dataclass(frozen=True)
class Outcome:
    """What the recorder, the server and the engine say of one stretch of streaming."""

    match: Match
    measured_latency: int | None
    declared_latency: int
    skipped_cycles: int
    xruns: int
    snapshot: dict[str, Any]
    realtime_server: bool


def control(rate: int, period: int, seconds: float) -> dict[str, int]:
    """What the same server loses with no engine at all, only player and recorder wired together."""
    with jack_server(rate, period) as server, Rig(server, seconds + 2) as rig:
        rig.loop()
        rig.sleep(1.0)
        xruns, skipped = rig.xruns, rig.skipped
        rig.sleep(seconds)
        return {"late": rig.xruns - xruns, "lost": (rig.skipped - skipped) // period}


class Session:
    """Server, engine and rig for `seconds` of streaming; a context manager."""

    def __init__(self, rate: int, period: int, seconds: float, script: Path, **config: Any) -> None:
        reason = missing()
        if reason is not None:
            raise SystemExit(f"this benchmark needs jackd: {reason}")
        self.server = JackServer(rate, period)
        try:
            self.engine = EngineProcess(self.server, system_config(**config), script)
            self.rig = Rig(self.server, seconds + _STARTUP_SECONDS)
        except BaseException:
            self.server.stop()
            raise
        self.hello = self.engine.hello
        self.rig.attach()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.rig.stop()
        self.engine.stop()
        self.server.stop()

    def stream(self, seconds: float) -> Outcome:
        """Let it run and compare what came out with what went in; counters are of this stretch."""
        start = settled(self.rig)
        first, xruns, skipped = self.engine.ask("snapshot"), self.rig.xruns, self.rig.skipped
        end = self.rig.sleep(seconds)
        last = self.engine.ask("snapshot")
        xruns, skipped = self.rig.xruns - xruns, self.rig.skipped - skipped
        declared = int(self.hello["latency"])
        measured = find_latency(self.rig, start, end)
        return Outcome(
            match=compare(self.rig, declared, start, end),
            measured_latency=measured,
            declared_latency=declared,
            skipped_cycles=skipped // self.server.period,
            xruns=xruns,
            snapshot=_difference(first, last),
            realtime_server=self.server.realtime,
        )


def _difference(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    """`last` with its counters as growth since `first`; percentiles and levels as they are."""
    counters = {key for key, value in last.items() if isinstance(value, int)} - {"running"}
    return {key: value - first[key] if key in counters else value for key, value in last.items()}
