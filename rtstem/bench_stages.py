"""The inference thread's side of `rtstem bench`: the stages of a hop between two clock readings.

Hops are paced as in a live stream, since a hop that follows the last one at once finds warm caches.
Run these in a thread of the inference thread's priority (`at_priority`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .errors import EngineError
from .rt.hop import OK, give_hop, run_model, take_hop
from .rt.jit import compiled
from .rt.native import flush_denormals, set_float_mode
from .rt.priority import Priority
from .rt.separator import Separator
from .rt.system import SystemCalls, now_ns, sleep_ns, system_calls

STFT, INFERENCE, INVERSE = "STFT", "inference", "inverse + overlap-add"
WITHOUT_MODEL, WHOLE_HOP, HOP_CPU = "hop without the model", "whole hop", "whole hop, CPU"

T = TypeVar("T")
Progress = Callable[[float], None]
Nanoseconds = npt.NDArray[np.int64]
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class StageTimes:
    """One stage: percentiles in microseconds over `count` runs."""

    stage: str
    p50: float
    p99: float
    p999: float
    max: float
    count: int

    @classmethod
    def of(cls, stage: str, nanoseconds: Nanoseconds) -> StageTimes:
        """Percentiles of the measured times."""
        points = np.percentile(nanoseconds, [50, 99, 99.9, 100]) / 1000
        p50, p99, p999, top = (round(float(point), 1) for point in points)
        return cls(stage, p50, p99, p999, top, len(nanoseconds))

    def cells(self) -> tuple[str, ...]:
        """The row of the table, in the order of COLUMNS."""
        times = (self.p50, self.p99, self.p999, self.max)
        return (self.stage, *(f"{value:.1f}" for value in times), str(self.count))


_TAKE, _RUN, _GIVE, _WALL, _CPU = range(5)


@compiled
def _time_hops(state: Any, audio: Any, out: Any, pace: Any, clocks: Any, log: Any) -> Any:
    """Run hops at their pace: `audio[n, 2, hop]` in, times in ns to `log[n, 5]`.

    `pace` is (wall time at which the first hop is due, ns from hop to hop), `clocks` (clock, id of
    wall time, id of CPU time, clock Hz, sleep). Returns the result of the hop that failed, else OK.
    """
    due, period = pace
    clock, wall, cpu, hertz, sleep = clocks
    scratch, result = np.zeros(2, np.int64), OK
    mode = flush_denormals()
    for n in range(audio.shape[0]):
        wait = due + n * period - now_ns(clock, wall, hertz, scratch)
        if wait > 0:
            sleep_ns(sleep, hertz, wait, scratch)
        cpu_began = now_ns(clock, cpu, hertz, scratch)
        began = now_ns(clock, wall, hertz, scratch)
        take_hop(state, audio[n])
        taken = now_ns(clock, wall, hertz, scratch)
        result = run_model(state)
        ran = now_ns(clock, wall, hertz, scratch)
        if result == OK:
            result = give_hop(state, out)
        given = now_ns(clock, wall, hertz, scratch)
        log[n, _CPU] = now_ns(clock, cpu, hertz, scratch) - cpu_began
        if result != OK:
            break
        state.cursor[0] += 1
        log[n, _TAKE], log[n, _RUN], log[n, _GIVE] = taken - began, ran - taken, given - ran
        log[n, _WALL] = given - began
    set_float_mode(mode)
    return result


def at_priority(priority: Priority, work: Callable[[], T]) -> T:
    """What `work` returns, done in a thread of its own at `priority`."""
    with ThreadPoolExecutor(1, "rtstem-measure", priority.raise_thread) as thread:
        return thread.submit(work).result()


def hop_stages(separator: Separator, seconds: float, tell: Progress) -> list[StageTimes]:
    """Paced hops for `seconds`; `tell` hears the part done."""
    spec, calls = separator.spec, system_calls()
    period = round(1e9 * spec.hop / spec.sample_rate)
    count = max(10, round(seconds * 1e9 / period))
    chunk = max(1, round(0.25e9 / period))  # hops between two calls of `tell`
    log = np.zeros((count, 5), np.int64)
    out = np.zeros((len(spec.stems), 2, spec.hop), np.float32)
    noise = np.random.default_rng(0)
    _time_chunk(separator, music(noise, 2, spec.hop), out, 0, calls, log[:2])  # compiles
    for start in range(0, count, chunk):
        part = log[start : start + chunk]
        _time_chunk(separator, music(noise, len(part), spec.hop), out, period, calls, part)
        tell((start + len(part)) / count)
    columns = {
        STFT: log[:, _TAKE],
        INFERENCE: log[:, _RUN],
        INVERSE: log[:, _GIVE],
        WITHOUT_MODEL: log[:, _TAKE] + log[:, _GIVE],
        WHOLE_HOP: log[:, _WALL],
        HOP_CPU: log[:, _CPU],
    }
    if _cpu_clock(calls) == calls.clock_id:
        del columns[HOP_CPU]
    return [StageTimes.of(name, column) for name, column in columns.items()]


def hop_times(separator: Separator, hops: int, paced: bool = True) -> StageTimes:
    """Whole hops of a separator in the calling thread; `paced`: as a stream asks for them.

    It is reset before and after. Raises EngineError where the model fails.
    """
    period = round(1e9 * separator.spec.hop / separator.spec.sample_rate) if paced else 0
    separator.reset()
    time_hops(separator, max(4, hops // 8), 0)
    separator.reset()
    times = time_hops(separator, hops, period)
    separator.reset()
    return StageTimes.of(WHOLE_HOP, times)


def time_hops(separator: Separator, count: int, period_ns: int) -> Nanoseconds:
    """What each of `count` hops takes, in ns, one every `period_ns`; 0: without pauses."""
    shape = (len(separator.spec.stems), 2, separator.spec.hop)
    log, out = np.zeros((count, 5), np.int64), np.zeros(shape, np.float32)
    audio = music(np.random.default_rng(0), count, separator.spec.hop)
    _time_chunk(separator, audio, out, period_ns, system_calls(), log)
    return np.ascontiguousarray(log[:, _WALL])


def music(noise: np.random.Generator, hops: int, hop: int) -> Samples:
    """Quiet noise `[hops, 2, hop]`; the stages take the same time whatever they hear."""
    return np.float32(0.1) * noise.standard_normal((hops, 2, hop), dtype=np.float32)


def _cpu_clock(calls: SystemCalls) -> int:
    """The clock id of this thread's CPU time; the wall clock's where there is none (Windows)."""
    return int(getattr(time, "CLOCK_THREAD_CPUTIME_ID", calls.clock_id))


def _time_chunk(
    separator: Separator,
    audio: Samples,
    out: Samples,
    period: int,
    calls: SystemCalls,
    log: Nanoseconds,
) -> None:
    clocks = (calls.clock, calls.clock_id, _cpu_clock(calls), calls.clock_hz, calls.sleep)
    due = now_ns(calls.clock, calls.clock_id, calls.clock_hz, np.zeros(2, np.int64)) + period
    result = _time_hops(separator.state, audio, out, (due, period), clocks, log)
    if result != OK:
        raise EngineError(f"{separator.spec.path}: {separator.failure(result)}")
