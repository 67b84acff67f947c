"""What rtstem demands of any model file, proven by running it: `rtstem models check FILE`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from .errors import EngineError, RtstemError
from .model_demands import DEMANDS, Subject, Verdict
from .model_spec import ModelSpec, read_model_spec
from .provider_choice import choose_name
from .rt.separator import Separator

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ModelReport:
    """All verdicts on one file."""

    path: Path
    name: str
    provider: str
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(verdict.passed for verdict in self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"path": str(self.path), "passed": self.passed}


def check_model(
    path: str | Path,
    provider: str = "auto",
    seconds: float = 120.0,
    progress: Progress = lambda name, part: None,
) -> ModelReport:
    """Run every check on the model file; `seconds` of signal go through in the long one.

    `progress` is told the name of the running check and the part of it done. A file whose metadata
    do not hold, or that does not load, fails the first check and gets no other.
    """
    progress("metadata", 0.0)
    try:
        spec = read_model_spec(path)
        separator = Separator(spec, choose_name(spec, provider))
    except RtstemError as error:
        verdict = Verdict("metadata", False, str(error), "whole, and a model that loads")
        return ModelReport(Path(path), Path(path).stem, "none", (verdict,))
    verdicts = [Verdict("metadata", True, _facts(spec), "whole, and a model that loads")]
    try:
        with suppress(RtstemError):  # a model that fails is told so by each demand
            separator.warm_up()
        for name, check in DEMANDS:
            subject = Subject(spec, separator, seconds, partial(progress, name))
            subject.tell(0.0)
            verdicts.append(_verdict(name, check, subject))
        return ModelReport(Path(path), spec.name, separator.provider, tuple(verdicts))
    finally:
        separator.close()


def _verdict(name: str, check: Callable[[Subject], Verdict], subject: Subject) -> Verdict:
    try:
        return check(subject)
    except EngineError as error:
        figure = str(error).removeprefix(f"{subject.spec.path}: ").partition(";")[0]
        return Verdict(name, False, figure, "runs, and gives finite values")


def _facts(spec: ModelSpec) -> str:
    return (
        f"{spec.domain}, {', '.join(spec.stems)}; hop {spec.hop}, "
        f"window {1000 * spec.synthesis_size / spec.sample_rate:.1f} ms, "
        f"look-ahead {spec.lookahead_hops} hops, {'/'.join(map(str, spec.rates))} Hz"
    )
