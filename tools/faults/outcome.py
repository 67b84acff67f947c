"""What was heard of a fault, and what of that is not as it must be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class UnavailableError(Exception):
    """This machine cannot have that fault."""


@dataclass
class Outcome:
    """Times in milliseconds. `gap_ms`: the longest stretch in which the mix with all faders up was
    not the delayed input bit for bit; `without_ms`: how long a muted stem was not separated in all;
    `recovered_ms`: from the end of the fault until everything was as before, None where it never was.
    """

    gap_ms: float
    without_ms: float
    recovered_ms: float | None
    messages: tuple[str, ...]
    problems: list[str] = field(default_factory=list)

    def demand(self, holds: bool, problem: str) -> None:
        """Add `problem` unless it `holds`."""
        if not holds:
            self.problems.append(problem)

    def demand_messages(self, expected: Sequence[str]) -> None:
        """Exactly one message for each of the `expected` beginnings or parts, in this order."""
        fits = len(self.messages) == len(expected) and all(
            part in message for part, message in zip(expected, self.messages, strict=True)
        )
        self.demand(fits, f"messages {list(self.messages)} instead of {list(expected)}")
        self.demand(not any("\n" in m for m in self.messages), "a message has several lines")


def longest_run(flags: NDArray[np.bool_]) -> int:
    """Length of the longest stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))
