"""What the benchmark scripts share: paths, percentiles, the report's form, limits."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
AUDIO_TESTS = ROOT / "tests" / "audio"  # the JACK server, player and recorder live there
sys.path[:0] = [str(ROOT), str(AUDIO_TESTS)]


@dataclass(frozen=True)
class Limit:
    """A figure to reach: `value` must be at most (or at least) `bound`."""

    name: str
    value: float
    bound: float
    unit: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "reached" if self.reached else "MISSED"
        return f"{verdict}: {self.name} {self.value:g} {self.unit} ({sign} {self.bound:g})"


def percentiles(values: NDArray[Any] | Sequence[float]) -> dict[str, float]:
    """p50, p99, p99.9, max and count of `values`, in their own unit, to one decimal."""
    if len(values) == 0:
        return {"p50": 0.0, "p99": 0.0, "p99.9": 0.0, "max": 0.0, "count": 0}
    points = np.percentile(values, [50, 99, 99.9, 100])
    names = ("p50", "p99", "p99.9", "max")
    named = {name: round(float(p), 1) for name, p in zip(names, points, strict=True)}
    return named | {"count": len(values)}


def hop_cost(path: Path, hops: int) -> dict[str, float]:
    """Percentiles of a whole hop of a model in ms, paced as a stream, raised priority."""
    from rtstem.model_spec import read_model_spec
    from rtstem.provider_choice import compare
    from rtstem.rt.separator import Separator

    with closing(Separator(read_model_spec(path))) as separator:
        times = compare({"model": separator}, hops=hops)["model"]
    points = {"p50": times.p50, "p99": times.p99, "p99.9": times.p999, "max": times.max}
    return {name: round(value / 1000, 2) for name, value in points.items()}


def arguments(text: str | None) -> argparse.ArgumentParser:
    """A parser with the --json option that every script has; `text` is the module's docstring."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead")
    return parser


def songs_folder(text: str) -> Path:
    """An argument that names a folder of songs, one folder of true stems each."""
    from rtstem.errors import AudioFileError
    from tools.evaluation.scores import song_folders

    try:
        song_folders(Path(text))
    except AudioFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)


def report(
    rows: Sequence[Mapping[str, Any]], limits: Sequence[Limit], as_json: bool, **facts: Any
) -> int:
    """Print rows, facts and limits; gives the exit code: 1 when a figure was missed."""
    from rtstem.bench import machine_line

    if as_json:
        goals = [vars(limit) | {"reached": limit.reached} for limit in limits]
        print(
            json.dumps(
                {"machine": machine_line(), "rows": list(rows), "limits": goals, **facts}, indent=2
            )
        )
    else:
        print(machine_line())
        _print_table(rows)
        for name, fact in facts.items():
            print(f"{name}: {fact}")
        for limit in limits:
            print(limit.line())
    return 0 if all(limit.reached for limit in limits) else 1


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    columns = list(rows[0])
    cells = [columns, *([str(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())
