"""How a desk begins and what it accepts: unity, built-in presets, checked numbers and names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real

from ..errors import ConfigError
from ..resources import did_you_mean, listing
from .desk_memory import SNAPSHOTS
from .desk_state import CENTRE, DeskState, Values, fader_position, frozen


def unity(stems: tuple[str, ...], buses: Mapping[str, Values]) -> DeskState:
    """All faders up, filters off, buses with the gains of the configuration."""
    scales, faders = {}, {}
    for bus, gains in buses.items():
        wanted = {stem: gains.get(stem, 0.0) for stem in stems}
        scales[bus] = frozen({stem: max(1.0, gain) for stem, gain in wanted.items()})
        faders[bus] = frozen({s: fader_position(g / scales[bus][s]) for s, g in wanted.items()})
    return DeskState(
        stems,
        frozen(dict.fromkeys(stems, 1.0)),
        knobs=dict.fromkeys(stems, CENTRE),
        bus_scales=scales,
        bus_faders=faders,
        bus_levels=frozen(dict.fromkeys(buses, 1.0)),
    )


def builtin_presets(stems: Iterable[str]) -> dict[str, dict[str, float]]:
    """The presets that make sense for these stems."""
    stems = tuple(stems)
    presets: dict[str, dict[str, float]] = {}
    for stem, alone, without in (
        ("vocals", "acapella", "instrumental"),
        ("drums", "drums_only", "no_drums"),
    ):
        if stem in stems:
            presets[alone] = {s: float(s == stem) for s in stems}
            presets[without] = {s: float(s != stem) for s in stems}
    return presets


def switched(members: frozenset[str], stem: str, on: bool | None) -> frozenset[str]:
    """`members` with `stem` in or out; None toggles."""
    wanted = stem not in members if on is None else on
    return members | {stem} if wanted else members - {stem}


def snapshot_number(number: int) -> int:
    """`number`, if there is such a snapshot."""
    if number not in range(1, SNAPSHOTS + 1):
        raise ConfigError(f"snapshot {number}: no such snapshot; allowed: 1 to {SNAPSHOTS}")
    return number


def position(value: float, where: str) -> float:
    """`value` as a position from 0 to 1; ConfigError that begins with `where`."""
    if not isinstance(value, Real) or not 0 <= value <= 1:  # NaN fails too
        raise ConfigError(f"{where}: must be a number from 0 to 1, not {value!r}")
    return float(value)


def known(name: str, names: Iterable[str], kind: str) -> str:
    """`name`, if it is one of `names`; ConfigError that calls it a `kind`."""
    names = tuple(names)
    if name not in names:
        hint = did_you_mean(str(name), names)
        allowed = listing(names) if names else "none"
        raise ConfigError(f"{kind} '{name}': no such {kind}{hint}; allowed: {allowed}")
    return name
