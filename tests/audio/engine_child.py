"""The engine in a process of its own, driven by JSON lines: run by EngineProcess.

Argument: the configuration as JSON. Each line on standard input is a command, each line on
standard output the reply. Times are CLOCK_MONOTONIC_RAW nanoseconds, JACK's own clock.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from rtstem import Engine
from rtstem.errors import RtstemError
from rtstem.rt.board import RATE

Reply = dict[str, Any]


def set_fader(engine: Engine, stem: str, value: float) -> Reply:
    """Move one fader; tells when the call began and ended."""
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
    engine.desk.set(stem, value)
    return {"before": before, "after": time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)}


def snapshot(engine: Engine) -> Reply:
    """All meters and counters, the notices, and the error that ended the stream."""
    told = {"error": str(engine.error or ""), "notices": engine.notices, "rate": engine.rate}
    return dataclasses.asdict(engine.snapshot()) | told


def run_fast(engine: Engine, ppm: float) -> Reply:
    """Let the virtual output's clock run so much faster than it says."""
    header = engine._board.header
    header[RATE] = round(int(header[RATE]) * (1 + ppm * 1e-6))
    return {}


COMMANDS: dict[str, Callable[..., Reply]] = {
    "set": set_fader,
    "snapshot": snapshot,
    "run_fast": run_fast,
}


def facts(engine: Engine) -> Reply:
    """What does not change while the stream runs."""
    return {
        "latency": engine.latency.frames,
        "rate": engine.rate,
        "realtime": engine.realtime,
        "provider": engine.provider,
        "model": engine.spec.name,
        "hop": engine.spec.hop,
    }


def say(reply: Reply) -> None:
    print(json.dumps(reply), flush=True)


def main() -> int:
    """Start the engine, say its facts, obey until the input ends; gives the exit code."""
    try:
        with Engine(json.loads(sys.argv[1])) as engine:
            say(facts(engine))
            for line in sys.stdin:
                command = json.loads(line)
                say(COMMANDS[command.pop("do")](engine, **command))
    except RtstemError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
