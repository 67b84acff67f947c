"""Every provider that works here: hops as a stream asks for them, data transfer included, and whether
the stems are the CPU's.

    python tools/bench/providers.py [--model live] [--seconds 30] [--provider cuda] [--json]

The CPU is always measured; `--provider` says why one does not start, and measures it alone otherwise.
A provider that can record a hop's launches is measured with and without.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import common
import numpy as np
from common import Limit

from rtstem.bench_stages import INFERENCE, WHOLE_HOP, at_priority, hop_stages
from rtstem.errors import RtstemError
from rtstem.model_spec import ModelSpec, read_model_spec
from rtstem.resources import find_model
from rtstem.rt.priority import Priority
from rtstem.rt.providers import CPU, PROVIDERS, usable
from rtstem.rt.separator import Separator

if TYPE_CHECKING:
    from collections.abc import Iterator

HOPS = 200  # whose stems are compared
ERROR_LIMIT_DB = -60.0


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--model", default="live")
    parser.add_argument("--provider", choices=[name for name in PROVIDERS if name != CPU])
    options = parser.parse_args()
    try:
        spec = read_model_spec(find_model(options.model))
        names = usable() if options.provider is None else [CPU, options.provider]
        rows, limits = measure(spec, names, options.seconds)
    except RtstemError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lacks = {name: provider.lack() for name, provider in PROVIDERS.items()}
    hop_us = 1e6 * spec.hop / spec.sample_rate
    return common.report(
        rows,
        limits,
        options.json,
        unit="us",
        model=f"{spec.name}, a hop every {hop_us:.0f} us",
        lacking="; ".join(f"{name}: {lack}" for name, lack in lacks.items() if lack) or "nothing",
    )


def measure(
    spec: ModelSpec, names: list[str], seconds: float
) -> tuple[list[dict[str, Any]], list[Limit]]:
    """A row for each stage of each way to run the model, and how far its stems may be off."""
    noise = np.random.default_rng(1).standard_normal((HOPS * spec.hop, 2)).astype(np.float32)
    noise *= np.float32(0.1)
    reference = np.empty(0, np.float32)
    rows, limits = [], []
    priority = Priority(enabled=True, period_ns=10_000_000)
    for name, separator in separators(spec, names):
        stems = separator.process(noise)
        separator.reset()
        stages = at_priority(priority, partial(hop_stages, separator, seconds, lambda part: None))
        separator.close()
        if name == CPU:
            reference = stems
        else:
            error = 20 * np.log10(np.std(stems - reference) / np.std(reference) + 1e-12)
            limits.append(Limit(f"{name}: stems against the CPU's", error, ERROR_LIMIT_DB, "dB"))
        rows += [
            {"provider": name} | asdict(stage)
            for stage in stages
            if stage.stage in (INFERENCE, WHOLE_HOP)
        ]
    return rows, limits


def separators(spec: ModelSpec, names: list[str]) -> Iterator[tuple[str, Separator]]:
    """One after the other, the CPU's first."""
    for name in names:
        separator = Separator(spec, name)
        recorded = separator.graph
        yield (f"{name}, recorded" if recorded else name), separator
        if recorded:
            yield name, Separator(spec, name, playing=True)


if __name__ == "__main__":
    sys.exit(main())
