"""All that a soak has seen, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .control.telemetry import Percentiles
from .load.stalls import Stalls
from .soak_watch import Growth, Sample


@dataclass(frozen=True)
class Exactness:
    """Whether what came out is the delayed input: frames compared, those that differ, the delay."""

    compared: int
    bad: int
    measured_frames: int | None
    gave_up: bool
    """Frames were lost on the way and nothing could be compared after that."""


@dataclass(frozen=True)
class Measured:
    """Everything that was seen; times in microseconds unless named otherwise."""

    machine: str
    model: str
    provider: str
    route: tuple[str, str]
    load: str
    realtime: str
    sizing: str
    """What `latency: auto` has chosen; empty for a fixed safety."""
    rate: int
    block: int
    hop_frames: int
    safety_hops: float
    latency_frames: int
    latency: str
    seconds: float
    planned_seconds: float
    interrupted: bool
    error: str
    notices: tuple[str, ...]
    gave_up: dict[str, str]
    """Parts of the load that the machine did not let work."""
    counts: dict[str, int]
    """See TROUBLES."""
    callback_us: Percentiles
    hop_us: Percentiles
    exactness: Exactness | None
    """None for a sound device."""
    drift_ppm: tuple[float, float] | None
    growth: Growth | None
    threads: tuple[int | None, int]
    """After the warm-up and at the end."""
    celsius: float | None
    mhz: tuple[float, float] | None
    """Lowest and highest seen."""
    throttled: float | None
    stolen_percent: float | None
    stalls: Stalls | None
    samples: tuple[Sample, ...]

    @property
    def hop_period_us(self) -> float:
        """From one hop to the next."""
        return 1e6 * self.hop_frames / self.rate

    @property
    def block_us(self) -> float:
        """Time that a callback has."""
        return 1e6 * self.block / self.rate

    @property
    def deadline_us(self) -> float:
        """Time that a hop has, from the callback that completes it to the one that needs it."""
        return self.block_us + self.safety_hops * self.hop_period_us
