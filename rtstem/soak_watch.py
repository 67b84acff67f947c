"""Looks at a running engine and its machine, second by second, in memory that does not grow."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .soak_machine import Machine, look

if TYPE_CHECKING:
    from .control.telemetry import Snapshot
    from .engine import Engine

LOOK_SECONDS = 0.5
MAX_SAMPLES = 600
_WARM_UP_PART, _WARM_UP_SECONDS = 0.2, 120.0
_WINDOWS, _LOOKS_A_WINDOW = 10, 4
_LEAST_LOOKS = 8

TROUBLES: dict[str, Callable[[Snapshot], int]] = {
    "blocks without stems": lambda s: s.missed_blocks,
    "blocks with the last masks": lambda s: s.concealed_blocks,
    "late hops": lambda s: s.late_hops,
    "hops held in time": lambda s: s.held_hops,
    "callbacks over their deadline": lambda s: s.deadline_misses,
    "xruns of the host": lambda s: s.xruns,
    "input not ready": lambda s: s.input_underflows,
    "model faults": lambda s: s.model_faults,
}


@dataclass(frozen=True)
class Sample:
    """A stretch of the run that ends at `seconds`; times in microseconds."""

    seconds: float
    hop_p50: float
    hop_p99: float
    hop_max: float
    callback_max: float
    troubles: int
    rss_mb: float
    celsius: float | None
    mhz: float | None


@dataclass(frozen=True)
class Growth:
    """Memory after the warm-up: how much more at the end, and the slope of a line through it."""

    mb: float
    mb_per_hour: float


class Watch:
    """Call `step` twice a second for about `seconds`."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        self._engine, self._every = engine, max(LOOK_SECONDS, seconds / MAX_SAMPLES)
        self._seconds = seconds
        self.first = self.last = look()
        self.samples: list[Sample] = []
        self.hottest: float | None = None
        self._begun = self._before = engine.timings()
        self._counted = 0
        self._host, self._stream, self._rss = array("d"), array("d"), array("d")
        self.warm_threads: int | None = None
        """Threads of the process at the end of the warm-up."""

    def step(self) -> Sample | None:
        """Look; gives a sample where a stretch has ended."""
        now, machine = self._engine.timings(), look()
        self.last = machine
        elapsed = now.host_seconds - self._begun.host_seconds
        self._host.append(elapsed)
        self._stream.append(now.stream_seconds - self._begun.stream_seconds)
        self._rss.append(machine.rss_mb)
        if machine.celsius is not None:
            self.hottest = max(machine.celsius, self.hottest or machine.celsius)
        if self.warm_threads is None and elapsed >= self._warm_up:
            self.warm_threads = machine.threads
        if now.host_seconds - self._before.host_seconds < self._every:
            return None
        callback, hop = now.since(self._before)
        total = sum(count(self._engine.snapshot()) for count in TROUBLES.values())
        sample = Sample(
            round(elapsed, 2), hop.p50, hop.p99, hop.max, callback.max,
            total - self._counted, round(machine.rss_mb, 2), machine.celsius, machine.mhz,
        )  # fmt: skip
        self._before, self._counted = now, total
        self.samples.append(sample)
        return sample

    @property
    def seconds(self) -> float:
        """How long it has watched."""
        return self._host[-1] if self._host else 0.0

    @property
    def _warm_up(self) -> float:
        return min(_WARM_UP_PART * self._seconds, _WARM_UP_SECONDS)

    def growth(self) -> Growth | None:
        """None while there is too little to say."""
        host, rss = np.array(self._host), np.array(self._rss)
        warm = host >= self._warm_up
        host, rss = host[warm], rss[warm]
        if len(rss) < _LEAST_LOOKS:
            return None
        count = min(_WINDOWS, len(rss) // _LOOKS_A_WINDOW)
        least = np.array([part.min() for part in np.array_split(rss, count)])
        times = np.array([part.mean() for part in np.array_split(host, count)])
        slope = float(np.polyfit(times, least, 1)[0])
        return Growth(round(float(least[-1] - least[0]), 2), round(3600 * slope, 2))

    def drift_ppm(self) -> tuple[float, float] | None:
        """The stream's clock against the system's in parts per million, and how sure that is (2 sigma).

        None while there is too little to say.
        """
        host, stream = np.array(self._host), np.array(self._stream)
        if len(host) < _LEAST_LOOKS:
            return None
        centred = host - host.mean()
        slope, start = np.polyfit(centred, stream, 1)
        noise = float(np.std(stream - slope * centred - start))
        unsure = 2 * noise / float(np.sqrt(np.sum(centred**2)))
        return round(1e6 * (float(slope) - 1), 1), round(1e6 * unsure, 1)

    def difference(self, of: Callable[[Machine], float | None]) -> float | None:
        """What `of` has grown by since the beginning; None where it cannot be read."""
        before, after = of(self.first), of(self.last)
        return None if before is None or after is None else after - before
