"""`rtstem bench`: how long each stage of the engine takes on this machine, and what to make of it.

The stages are the compiled functions that the engine itself runs: the mixer as the audio callback
calls it, and the hop of the inference thread, split at the model's `Run`.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .bench_blocks import block_stages
from .bench_stages import WHOLE_HOP, Progress, StageTimes, at_priority, hop_stages
from .model_spec import read_model_spec
from .provider_choice import choose
from .resources import find_model
from .rt.priority import Priority
from .rt.separator import Separator
from .sizing import HopTail, recommended_safety_hops, remember

COLUMNS = ("stage", "p50", "p99", "p99.9", "max", "count")
_TOO_SLOW = 0.8  # of the hop, at p99
_BLOCK_ASSUMED = 256  # frames


@dataclass(frozen=True)
class BenchReport:
    """What was measured; all times in microseconds."""

    machine: str
    model: str
    provider: str
    rate: int
    """Hz; the rate that the model was trained at."""
    hop_us: float
    """Time from one hop to the next."""
    stages: tuple[StageTimes, ...]
    load: float
    """p50 of the whole hop as a part of `hop_us`."""
    safety_hops: float
    """Recommended `latency: safety_hops` for this machine."""
    fits: bool
    """False where the model is too slow for a live stream here."""
    verdict: str
    reason: str = ""
    """Why the provider was chosen; empty where there was no choice."""

    def rows(self) -> list[tuple[str, ...]]:
        """Table rows in the order of COLUMNS, microseconds."""
        return [stage.cells() for stage in self.stages]

    def stage(self, name: str) -> StageTimes:
        """The stage of that name; KeyError where there is none."""
        return {stage.stage: stage for stage in self.stages}[name]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


def run_bench(
    model: str = "live",
    seconds: float = 10.0,
    provider: str = "auto",
    progress: Progress | None = None,
) -> BenchReport:
    """Measure all stages; takes `seconds` and a little more.

    `model` is a name or path, `provider` auto, cuda or cpu. `progress` is told the part done,
    0 to 1. Raises ModelError for a model or provider that does not work.
    """
    tell = progress or (lambda _part: None)
    spec = read_model_spec(find_model(model))
    choice = choose(spec, provider)
    separator = choice.separator
    if choice.standby is not None:
        choice.standby.close()
    try:
        separator.warm_up()
        stages = _all_stages(separator, seconds, tell)
        return _report(separator, tuple(stages), choice.reason)
    finally:
        separator.close()


def _all_stages(separator: Separator, seconds: float, tell: Progress) -> list[StageTimes]:
    """The callback's stages, then the hop's, at the priority of the inference thread."""
    spec = separator.spec
    block_stages(spec, runs=2)  # compiles, which must not take seconds at that priority
    hop_stages(separator, 0.0, lambda _part: None)
    priority = Priority(enabled=True, period_ns=round(1e9 * spec.hop / spec.sample_rate))
    return at_priority(
        priority, lambda: [*block_stages(spec), *hop_stages(separator, seconds, tell)]
    )


def machine_line() -> str:
    """One line that says what was measured on: processor, cores, system, versions."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("numpy", "numba", "onnxruntime-gpu", "onnxruntime"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    system = f"{platform.system()} {platform.release()}"
    return f"{_processor()}, {os.cpu_count()} cores, {system}, {', '.join(versions)}"


def _processor() -> str:
    """The processor's name, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _report(separator: Separator, stages: tuple[StageTimes, ...], reason: str) -> BenchReport:
    spec = separator.spec
    hop_us = 1e6 * spec.hop / spec.sample_rate
    hop = next(stage for stage in stages if stage.stage == WHOLE_HOP)
    safety = recommended_safety_hops(hop.p999, hop_us, _BLOCK_ASSUMED / spec.hop)
    fits = hop.p99 < _TOO_SLOW * hop_us
    remember(separator, HopTail(hop.p999, hop.count))
    return BenchReport(
        machine=machine_line(),
        model=spec.name,
        provider=separator.provider,
        rate=spec.sample_rate,
        hop_us=round(hop_us, 1),
        stages=stages,
        load=round(hop.p50 / hop_us, 4),
        safety_hops=safety,
        fits=fits,
        verdict=_verdict(hop, hop_us, safety, fits),
        reason=reason,
    )


def _verdict(hop: StageTimes, hop_us: float, safety: float, fits: bool) -> str:
    spent = f"a hop takes {hop.p50 / 1000:.2f} of {hop_us / 1000:.2f} ms ({hop.p50 / hop_us:.0%})"
    if not fits:
        return (
            f"{spent}, p99 {hop.p99 / 1000:.2f} ms: too slow for live use here; "
            "close other programs or take a smaller model"
        )
    return f"{spent}, p99.9 {hop.p999 / 1000:.2f} ms: fits; latency: {{safety_hops: {safety:g}}}"
