"""The engine in a process of its own, driven by JSON lines: run by EngineProcess.

Argument: the configuration as JSON. Each line on standard input is a command, each line on
standard output the reply. Times are CLOCK_MONOTONIC_RAW nanoseconds, JACK's own clock.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from typing import Any

from rtstem import Engine
from rtstem.errors import RtstemError


def reply(**values: Any) -> None:
    print(json.dumps(values), flush=True)


def obey(engine: Engine, command: dict[str, Any]) -> None:
    """Carry out one command and answer it."""
    if command["do"] == "set":
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        engine.desk.set(command["stem"], command["value"])
        reply(before=before, after=time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW))
    elif command["do"] == "snapshot":
        reply(**dataclasses.asdict(engine.snapshot()), error=str(engine.error or ""))
    else:
        raise ValueError(command)


def main() -> int:
    try:
        with Engine(json.loads(sys.argv[1])) as engine:
            reply(
                latency=engine.latency.frames,
                rate=engine.rate,
                realtime=engine.realtime,
                hop=engine.spec.hop,
                stems=engine.spec.stems,
                delay=engine.spec.delay_frames,
            )
            for line in sys.stdin:
                obey(engine, json.loads(line))
    except RtstemError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
