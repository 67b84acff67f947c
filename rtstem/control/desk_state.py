"""What the controls are set to, as one frozen object, and the gains that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

Values = Mapping[str, float]
CENTRE = 0.5
_DETENT = 0.03  # half the width of the filter knob's centre, in which it is off


def fader_gain(value: float) -> float:
    """Linear gain of a fader at `value`, 0 (bottom) to 1 (top).

    The cube, which follows the scale of a mixing desk's fader: -11 dB at 2/3 of the way, -18 dB at
    half, -42 dB at 1/5, -60 dB at 1/10, and from there into silence without a step. Exactly 0.0 at
    0 and exactly 1.0 at 1 (all faders at unity give the input bit for bit).
    """
    return value * value * value


def fader_position(gain: float) -> float:
    """The fader's position for a linear gain from 0 to 1."""
    return float(min(1.0, max(0.0, gain)) ** (1 / 3))


def filter_knob(value: float) -> float:
    """Filter setting, -1 (low-pass) to 1 (high-pass), of a knob at `value`, 0 to 1; the centre and
    a little around it are exactly 0, off."""
    way = (value - CENTRE) / CENTRE
    if abs(way) <= _DETENT:
        return 0.0
    return (abs(way) - _DETENT) / (1 - _DETENT) * (1 if way > 0 else -1)


def frozen(values: Values) -> Values:
    """An unchangeable copy."""
    return MappingProxyType(dict(values))


@dataclass(frozen=True)
class DeskState:
    """Everything a control surface shows; a new object after every change.

    Positions are from 0 to 1. `bus_faders` and `bus_levels` are of the buses with gains of their
    own; at 1 they have the gain that the configuration gives them (`bus_scales`).
    """

    stems: tuple[str, ...]
    faders: Values
    muted: frozenset[str] = frozenset()
    soloed: frozenset[str] = frozenset()
    killed: frozenset[str] = frozenset()
    """Cut for the moment, whatever the rest says."""
    knobs: Values = field(default_factory=dict)
    """Position of every stem's filter knob; 0.5 is off."""
    bypass: bool = False
    master: float = 1.0
    preset: str | None = None
    """The preset recalled last, until something that it set is changed."""
    bus_scales: Mapping[str, Values] = field(default_factory=dict)
    bus_faders: Mapping[str, Values] = field(default_factory=dict)
    bus_levels: Values = field(default_factory=dict)
    gains: Values = field(init=False, compare=False)
    """Linear gain of every stem on the desk's buses, without the master."""

    def __post_init__(self) -> None:
        knobs = {stem: self.knobs.get(stem, CENTRE) for stem in self.stems}
        object.__setattr__(self, "knobs", frozen(knobs))
        heard = (self.soloed or frozenset(self.stems)) - self.muted - self.killed
        gains = {s: fader_gain(self.faders[s]) if s in heard else 0.0 for s in self.stems}
        object.__setattr__(
            self, "gains", frozen(dict.fromkeys(self.stems, 1.0) if self.bypass else gains)
        )

    @property
    def master_gain(self) -> float:
        """Linear gain of the master, which the dry signal follows too."""
        return fader_gain(self.master)

    @cached_property
    def filters(self) -> Values:
        """Setting of every stem's filter, -1 to 1, 0 for off."""
        return frozen({s: 0.0 if self.bypass else filter_knob(self.knobs[s]) for s in self.stems})

    @cached_property
    def bus_gains(self) -> Mapping[str, Values]:
        """Linear gain of every stem on the buses with gains of their own."""
        return MappingProxyType(
            {
                bus: frozen({s: scale[s] * fader_gain(self.bus_faders[bus][s]) for s in scale})
                for bus, scale in self.bus_scales.items()
            }
        )
