"""How long to wait for late hops: `latency: auto` measures this machine before the start.

The measured time is kept, so that a show has the same delay at every start; `rtstem bench` measures
anew. Nothing here is asked once audio runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from . import __version__
from .bench_stages import at_priority, time_hops
from .io.part import write_whole
from .rt.jit import cache_dir
from .rt.priority import Priority
from .rt.separator import Separator

_STEP = 0.25  # waiting times are multiples of this, in hops
RESERVE = 1.5  # of the measured p99.9
_WAKE_UP_US = 1000.0  # at least so much of it: a thread does not run the moment it is called
_BURST_HOPS = 1000  # measured without pauses: enough to see a p99.9
_PACED_HOPS = 30  # measured at the pace of a stream, which finds colder caches
_ENOUGH_HOPS = 800  # measurements with fewer are not kept


@dataclass(frozen=True)
class HopTail:
    """The p99.9 of a hop's time in microseconds, over `count` hops."""

    p999_us: float
    count: int


def recommended_safety_hops(slowest_us: float, hop_us: float, block_hops: float) -> float:
    """Waiting time in hops so that a hop of `slowest_us`, and half as long again, is not late.

    One device block (`block_hops`, as a part of a hop) passes anyhow before stems are needed.
    """
    needed = max(RESERVE * slowest_us, slowest_us + _WAKE_UP_US) / hop_us - block_hops
    return max(_STEP, _STEP * math.ceil(needed / _STEP))


class Safety:
    """The waiting time of one engine: the number of its configuration, or chosen by measurement."""

    def __init__(self, setting: float | Literal["auto"]) -> None:
        self._setting = setting
        self._tail: HopTail | None = None

    def prepare(self, separator: Separator, priority: Priority) -> None:
        """Know what hops take, where that is to decide: as kept, else measured for 2 or 3 s."""
        if self._setting != "auto":
            return
        self._tail = _kept().get(_key(separator, priority.enabled))
        if self._tail is None:
            self._tail = measure(separator, priority)
            remember(separator, self._tail, priority.enabled)

    def hops(self, rate: int, hop: int, block: int) -> float:
        """The waiting time in hops of `hop` frames, for blocks of `block` frames at `rate` Hz."""
        if self._setting != "auto":
            return self._setting
        assert self._tail is not None
        return recommended_safety_hops(self._tail.p999_us, 1e6 * hop / rate, block / hop)

    def sentence(self, rate: int, hop: int, block: int) -> str:
        """What was chosen and why, as one line; empty for a number of the configuration."""
        if self._tail is None:
            return ""
        chosen, slowest, whole = self.hops(rate, hop, block), self._tail.p999_us, 1e3 * hop / rate
        return (
            f"safety {chosen:g} hops chosen: p99.9 of a hop {slowest / 1000:.1f} of {whole:.1f} ms"
            " (`rtstem bench` measures anew)"
        )


def measure(separator: Separator, priority: Priority) -> HopTail:
    """Time hops of `separator` at `priority`."""
    spec = separator.spec
    period = round(1e9 * spec.hop / spec.sample_rate)

    def work() -> HopTail:
        burst = time_hops(separator, _BURST_HOPS, 0)
        paced = time_hops(separator, _PACED_HOPS, period)
        slower = max(1.0, float(np.median(paced) / np.median(burst)))
        p999 = float(np.percentile(burst, 99.9)) * slower / 1000
        return HopTail(round(p999, 1), _BURST_HOPS + _PACED_HOPS)

    time_hops(separator, 2, 0)  # compiles, which must not take seconds at that priority
    tail = at_priority(priority, work)
    separator.reset()
    return tail


def remember(separator: Separator, tail: HopTail, priority: bool = True) -> None:
    """Keep what was measured, at real-time `priority` or not, for the starts to come."""
    if tail.count < _ENOUGH_HOPS:
        return
    kept = _kept() | {_key(separator, priority): tail}
    text = json.dumps({key: asdict(value) for key, value in kept.items()}, indent=2)
    with contextlib.suppress(OSError):  # where nothing can be kept, each start measures
        _kept_in().parent.mkdir(parents=True, exist_ok=True)
        write_whole(_kept_in(), text.encode())


def _kept_in() -> Path:
    return cache_dir().parent / "hop-times.json"


def _kept() -> dict[str, HopTail]:
    """All that was kept; a file that is damaged counts as none."""
    try:
        found = json.loads(_kept_in().read_bytes())
        return {key: HopTail(float(v["p999_us"]), int(v["count"])) for key, v in found.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _key(separator: Separator, priority: bool) -> str:
    """What a hop's time depends on."""
    model = hashlib.sha256(separator.spec.path.read_bytes()).hexdigest()[:16]
    rights = "real time" if priority else "normal"
    return f"{model} {separator.provider} {rights} {platform.node()} {os.cpu_count()} {__version__}"
