"""A stream with a Python callback, behind the same commands as loaded_child.py: for gil.py only."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import sounddevice as sd
from shim import CallbackTimer

from rtstem.load.adversaries import Adversaries


def copy(indata: Any, outdata: Any, _frames: int, _time: Any, _status: Any) -> None:
    outdata[:] = indata


def main() -> int:
    timer = CallbackTimer()
    timer.install()
    devices = [d for d in sd.query_devices() if d["name"] == "system"]
    rate = devices[0]["default_samplerate"]
    stream = sd.Stream(
        samplerate=rate,
        blocksize=0,
        device=devices[0]["index"],
        channels=2,
        dtype="float32",
        latency="low",
        callback=copy,
    )
    with stream:
        print(json.dumps({"rate": rate, "latency": 0}), flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            if command["do"] == "load":
                Adversaries(command["names"]).__enter__()  # until the process ends
                timer.reset()
                print("{}", flush=True)
            else:
                print(json.dumps(timer.read(rate)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
