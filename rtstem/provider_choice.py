"""Where a model runs: as configured, or by measurement where this machine gives a choice.

A small model may be faster on the processor than on a graphics card, which clocks down between two
hops: so they are measured, at the pace of the stream, before it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from .bench_stages import StageTimes, at_priority, hop_times
from .errors import EngineError, ModelError
from .model_spec import ModelSpec
from .rt.priority import Priority
from .rt.providers import CPU, usable
from .rt.separator import Separator

AUTO = "auto"
HOPS = 150
"""Measured with each provider: 1.7 s for hops of 512 frames."""
WORTH = 0.75
"""Of the CPU's time at p99: a provider that takes more is not worth what can go wrong with it."""
FITS = 0.5
"""Of the time from hop to hop, at p99: a CPU that takes more cannot stand by."""


@dataclass(frozen=True)
class Choice:
    """What was chosen; all separators are warmed up."""

    separator: Separator
    standby: Separator | None
    """The same model on the CPU, where it runs on something else and the CPU would be fast enough."""
    reason: str
    """One line for people; empty where there was no choice."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why providers that might have worked do not start, by their names."""


def choose(spec: ModelSpec, provider: str = AUTO) -> Choice:
    """Open `spec` on `provider` for a stream; auto: on what proves faster, and the CPU at once where
    there is nothing else.

    Raises ModelError where the model or the provider does not work.
    """
    names = usable() if provider == AUTO else [provider]
    if names == [CPU]:
        return Choice(Separator(spec), None, "")
    opened, refused = _open(spec, names)
    try:
        figures = _measure(opened, refused, must_run=[provider, CPU])
        chosen = fastest(figures) if provider == AUTO else provider
        return _choice(opened, figures, chosen, refused)
    except BaseException:
        for separator in opened.values():
            separator.close()
        raise


@cache
def choose_name(spec: ModelSpec, provider: str = AUTO) -> str:
    """The name of the provider for whole files: auto takes what does most hops in a second."""
    names = usable() if provider == AUTO else [provider]
    if len(names) == 1:
        return names[0]
    opened, refused = _open(spec, names)
    try:
        return fastest(_measure(opened, refused, must_run=[CPU], paced=False))
    finally:
        for separator in opened.values():
            separator.close()


def compare(
    separators: Mapping[str, Separator], paced: bool = True, hops: int = HOPS
) -> dict[str, StageTimes]:
    """Times of `hops` whole hops, data transfer included; `paced`: with the pauses of a stream.

    Raises EngineError where a model fails.
    """
    return at_priority(
        Priority(enabled=True, period_ns=10_000_000),
        lambda: {name: hop_times(each, hops, paced) for name, each in separators.items()},
    )


def fastest(figures: Mapping[str, StageTimes]) -> str:
    """The name with the best p99; the CPU unless another one is clearly faster."""
    others = {name: times.p99 for name, times in figures.items() if name != CPU}
    best = min(others, key=others.__getitem__, default=CPU)
    return best if best != CPU and others[best] < WORTH * figures[CPU].p99 else CPU


def _open(spec: ModelSpec, names: list[str]) -> tuple[dict[str, Separator], dict[str, str]]:
    """Separators by name, the CPU's first; and why others do not start, unless one was asked for."""
    opened, refused = {CPU: Separator(spec)}, {}
    for name in names:
        if name == CPU:
            continue
        try:
            opened[name] = Separator(spec, name)
        except ModelError as error:
            if CPU not in names:
                opened[CPU].close()
                raise
            refused[name] = str(error)
    return opened, refused


def _measure(
    opened: dict[str, Separator],
    refused: dict[str, str],
    must_run: Sequence[str],
    paced: bool = True,
) -> dict[str, StageTimes]:
    """Times of all that run; one that starts and fails then is closed and refused, or an error."""
    figures: dict[str, StageTimes] = {}
    for name, separator in list(opened.items()):
        try:
            figures |= compare({name: separator}, paced)
        except EngineError as error:
            if name in must_run:
                raise ModelError(str(error)) from None
            refused[name] = f"provider {name}: {error}"
            opened.pop(name).close()
    return figures


def _choice(
    opened: dict[str, Separator],
    figures: dict[str, StageTimes],
    chosen: str,
    refused: dict[str, str],
) -> Choice:
    spec = opened[CPU].spec
    reason = ", ".join(
        f"{name.upper()} {times.p99 / 1000:.2f} ms" for name, times in figures.items()
    )
    reason = f"runs on {chosen.upper()}; the slowest hop in 100: {reason}"
    reason += "".join(f"; {why}" for why in refused.values())
    separator, standby = opened.pop(chosen), None
    if chosen != CPU:
        standby = opened.pop(CPU)
        if figures[CPU].p99 > FITS * 1e6 * spec.hop / spec.sample_rate:
            standby.close()
            standby, reason = None, f"{reason}; the CPU is too slow to stand by"
    for other in opened.values():
        other.close()
    return Choice(separator, standby, reason, refused)
