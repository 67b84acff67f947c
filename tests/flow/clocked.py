"""For tests by the clock, on machines that stand still for a while now and then."""

from __future__ import annotations

import functools
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtstem.engine import Engine
from rtstem.load.stalls import StallMonitor
from rtstem.rt import board as b
from tests.waiting import until

STANDSTILL_MS = 20  # the tests are patient for 46 ms or more
TRIES = 3


def hear(engine: Engine, seconds: float) -> None:
    """Wait until so many seconds more of the input have been heard, however long that takes."""
    header = engine._board.header
    end = header[b.IN_HEAD] + seconds * header[b.RATE]
    until(lambda: header[b.IN_HEAD] >= end)


def by_the_clock(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test anew where it fails and the machine stood still meanwhile: a processor was stopped
    although a thread of the highest priority wanted it. Otherwise the first failure counts.

    Its `tmp_path` is an empty folder each time; other fixtures stay.
    """

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        folder, monitor = fixtures.get("tmp_path"), StallMonitor()
        for _ in range(TRIES - 1):
            try:
                with monitor:
                    return test(**fixtures)
            except Exception:
                stood_still = monitor.seen.longest_ms if monitor.seen is not None else 0.0
                if stood_still < STANDSTILL_MS:
                    raise
                told = f"run anew: the machine stood still for {stood_still:.0f} ms"
                warnings.warn(told, stacklevel=2)
            if folder is not None:
                fixtures["tmp_path"] = Path(tempfile.mkdtemp(dir=folder))
        return test(**fixtures)

    return run
