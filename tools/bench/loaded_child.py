"""engine_child.py with adversaries in the same process and the shim around the audio callback."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "audio"))

import engine_child
from shim import CallbackTimer, NoCompilerError

from rtstem.load.adversaries import Adversaries

try:
    timer = CallbackTimer()
    timer.install()
except NoCompilerError:
    timer = None


def start_adversaries(_engine: Any, names: list[str]) -> dict[str, Any]:
    Adversaries(names).__enter__()  # until the process ends
    if timer is not None:
        timer.reset()
    return {}


def callbacks(engine: Any) -> dict[str, Any]:
    """The shim's log; the engine's own clock where there is no compiler."""
    if timer is not None:
        return timer.read(engine.rate) | {"clock": "compiled shim, from outside"}
    return {"durations_us": None, "clock": "the engine's own"}


engine_child.COMMANDS |= {"load": start_adversaries, "callbacks": callbacks}

if __name__ == "__main__":
    sys.exit(engine_child.main())
