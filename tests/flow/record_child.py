"""Plays and records until it is killed: MODEL SONG FOLDER FORMAT."""

from __future__ import annotations

import sys
import time

from rtstem.control.recorder import Recorder
from rtstem.engine import Engine


def main(model: str, song: str, folder: str, form: str) -> None:
    config = {
        "model": model,
        "audio": {"input": f"file:{song}", "output": "virtual"},
        "latency": {"safety_hops": 4},
    }
    with Engine(config) as engine:
        Recorder(engine, folder, form).start()
        print("recording", flush=True)
        for step in range(10_000):
            engine.desk.set("vocals", step % 11 / 10)
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
