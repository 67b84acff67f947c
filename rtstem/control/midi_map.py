"""How a control's travel becomes a value of the desk: curves, ranges, relative encodings. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

_SPAN = 100.0  # the ends of the log and exp curves are 40 dB apart


def _linear(x: float) -> float:
    return x


def _exp(x: float) -> float:
    return (math.pow(_SPAN, x) - 1) / (_SPAN - 1)


def _log(x: float) -> float:
    return math.log1p(x * (_SPAN - 1)) / math.log(_SPAN)


CURVES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "linear": (_linear, _linear),
    "exp": (_exp, _log),
    "log": (_log, _exp),
}
"""Each curve and its inverse, 0 to 1 both ways. exp: even steps in dB, fine at the bottom."""


def _twos_complement(value: int) -> int:
    return value if value < 64 else value - 128


def _binary_offset(value: int) -> int:
    return value - 64


def _sign_magnitude(value: int) -> int:
    return value if value < 64 else 64 - value


RELATIVE: dict[str, Callable[[int], int]] = {
    "twos_complement": _twos_complement,
    "binary_offset": _binary_offset,
    "sign_magnitude": _sign_magnitude,
}
"""Steps in a 7-bit value of an endless encoder: 1 up is 1, 65 or 1; 1 down is 127, 63 or 65."""


@dataclass(frozen=True)
class Scale:
    """Travel of a control, 0 to 1, to values of an action and back."""

    curve: str = "linear"
    low: float = 0.0
    high: float = 1.0
    invert: bool = False

    def value(self, position: float) -> float:
        """Value of the action at `position`; exact at both ends."""
        along = CURVES[self.curve][0](1 - position if self.invert else position)
        if along in (0.0, 1.0):
            return self.high if along else self.low
        return min(max(self.low + (self.high - self.low) * along, 0.0), 1.0)

    def position(self, value: float) -> float:
        """Position of the control for `value`, clipped to the control's range."""
        along = (self.clipped(value) - self.low) / (self.high - self.low)
        position = CURVES[self.curve][1](min(max(along, 0.0), 1.0))
        return min(max(1 - position if self.invert else position, 0.0), 1.0)

    def clipped(self, value: float) -> float:
        """The value within the range that the control reaches."""
        return min(max(value, min(self.low, self.high)), max(self.low, self.high))
