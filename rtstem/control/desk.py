"""The desk: faders, mutes, solos, presets, bypass and master, and the stem gains that follow.

Keyboard, MIDI, OSC, web and the Python API all move this one object; it tells the engine the new
gains and every surface the new state. It knows nothing of audio.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from types import MappingProxyType

from ..errors import ConfigError
from ..resources import did_you_mean, listing

_log = logging.getLogger(__name__)

Gains = Mapping[str, float]


def fader_gain(value: float) -> float:
    """Linear gain of a fader at `value`, 0 (bottom) to 1 (top).

    The cube, which follows the scale of a mixing desk's fader: -11 dB at 2/3 of the way, -18 dB at
    half, -42 dB at 1/5, -60 dB at 1/10, and from there into silence without a step. Exactly 0.0 at
    0 and exactly 1.0 at 1 (all faders at unity give the input bit for bit).
    """
    return value * value * value


@dataclass(frozen=True)
class DeskState:
    """Everything a control surface shows; a new object after every change."""

    stems: tuple[str, ...]
    faders: Mapping[str, float]
    """Positions from 0 to 1, a key for every stem."""
    muted: frozenset[str] = frozenset()
    soloed: frozenset[str] = frozenset()
    bypass: bool = False
    master: float = 1.0
    """Position from 0 to 1."""
    preset: str | None = None
    """The preset recalled last, until something that it set is changed."""
    gains: Gains = field(init=False)
    """Linear gain of every stem, without the master."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "gains", MappingProxyType(self._effective_gains()))

    def _effective_gains(self) -> dict[str, float]:
        if self.bypass:
            return dict.fromkeys(self.stems, 1.0)
        heard = (self.soloed or frozenset(self.stems)) - self.muted
        return {
            stem: fader_gain(self.faders[stem]) if stem in heard else 0.0 for stem in self.stems
        }

    @property
    def master_gain(self) -> float:
        """Linear gain of the master, which the dry signal follows too."""
        return fader_gain(self.master)


class Desk:
    """The state of the controls; every method may be called from any thread but the audio one.

    Callbacks come one after the other, in the order of the changes, in the thread that made the
    change: they must be short. A subscriber may move the desk itself.
    """

    def __init__(
        self,
        stems: Sequence[str],
        presets: Mapping[str, Mapping[str, float]],
        on_change: Callable[[DeskState], None],
        faders: Mapping[str, float] | None = None,
    ) -> None:
        """Desk with `faders` at the start (stems not named: 1); calls `on_change` once.

        presets: positions by name and stem; one called like a built-in preset replaces it.
        on_change: the engine; gets the new state, before the surfaces, when a gain has changed.
        Raises ConfigError for a stem that is not in `stems` or a position outside 0 to 1.
        """
        self._on_change = on_change
        self._subscribers: list[Callable[[DeskState], None]] = []
        self._lock = threading.RLock()  # re-entrant: a subscriber may move the desk
        self._publishing = False
        positions = MappingProxyType(dict.fromkeys(stems, 1.0))
        self._state = DeskState(tuple(stems), positions)
        self._presets = _builtin_presets(stems) | {
            name: self._checked(values, f"preset {name}") for name, values in presets.items()
        }
        self._state = self._moved(self._checked(faders or {}, "faders"))
        self._told = self._state
        on_change(self._state)

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the model's order."""
        return self._state.stems

    @property
    def presets(self) -> tuple[str, ...]:
        """Names of the presets, built-in ones first."""
        return tuple(self._presets)

    def state(self) -> DeskState:
        """The state now."""
        return self._state

    def get(self, stem: str) -> float:
        """Position of a stem's fader, 0 to 1."""
        return self._state.faders[self._known(stem)]

    def set(self, stem: str, value: float) -> None:
        """Move a stem's fader to `value`, 0 to 1."""
        values = self._checked({stem: value}, "fader")
        with self._lock:
            self._become(replace(self._moved(values), preset=None))

    def mute(self, stem: str, on: bool | None = None) -> None:
        """Silence a stem or give it back; None toggles. A mute wins over a solo."""
        self._known(stem)
        with self._lock:
            muted = _switched(self._state.muted, stem, on)
            self._become(replace(self._state, muted=muted, preset=None))

    def solo(self, stem: str, on: bool | None = None) -> None:
        """Hear a stem, and others in solo, alone; None toggles."""
        self._known(stem)
        with self._lock:
            soloed = _switched(self._state.soloed, stem, on)
            self._become(replace(self._state, soloed=soloed, preset=None))

    def preset(self, name: str) -> None:
        """Move the faders that a preset names, and lift what would keep it from being heard.

        That is: the mutes of the stems it names, all solos, and the bypass.
        """
        if name not in self._presets:
            hint = did_you_mean(name, self._presets)
            raise ConfigError(
                f"preset '{name}': no such preset{hint}; allowed: {listing(self._presets)}"
            )
        with self._lock:
            values = self._presets[name]
            muted = self._state.muted.difference(values)
            moved = replace(self._moved(values), muted=muted, soloed=frozenset())
            self._become(replace(moved, bypass=False, preset=name))

    def bypass(self, on: bool) -> None:
        """Let the music through as it came in, at the master's level, or stop doing so."""
        with self._lock:
            self._become(replace(self._state, bypass=bool(on)))

    def master(self, value: float) -> None:
        """Move the master fader, 0 to 1."""
        position = _position(value, "master")
        with self._lock:
            self._become(replace(self._state, master=position))

    def panic(self) -> None:
        """Everything to unity at once: the music as it came in, whatever was set."""
        with self._lock:
            stems = self._state.stems
            self._become(DeskState(stems, MappingProxyType(dict.fromkeys(stems, 1.0))))

    def subscribe(self, callback: Callable[[DeskState], None]) -> Callable[[], None]:
        """Call `callback` with the new state after every change; returns how to stop that."""

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = [s for s in self._subscribers if s is not callback]

        with self._lock:
            self._subscribers = [*self._subscribers, callback]
        return unsubscribe

    def _known(self, stem: str) -> str:
        stems = self._state.stems
        if stem not in stems:
            hint = did_you_mean(str(stem), stems)
            raise ConfigError(f"stem '{stem}': no such stem{hint}; allowed: {listing(stems)}")
        return stem

    def _checked(self, values: Mapping[str, float], where: str) -> dict[str, float]:
        return {
            self._known(stem): _position(value, f"{where} {stem}") for stem, value in values.items()
        }

    def _moved(self, values: Mapping[str, float]) -> DeskState:
        return replace(self._state, faders=MappingProxyType({**self._state.faders, **values}))

    def _become(self, state: DeskState) -> None:
        """Take the new state and tell it; the lock is held, so surfaces hear changes in order.

        A change made by a subscriber is told after the one it answers to has gone to all.
        """
        self._state = state
        if self._publishing:
            return
        self._publishing = True
        try:
            while self._state != self._told:
                self._tell(self._told, self._state)
        finally:
            self._publishing = False

    def _tell(self, old: DeskState, new: DeskState) -> None:
        self._told = new
        if (new.gains, new.master) != (old.gains, old.master):
            self._on_change(new)
        for callback in self._subscribers:
            try:
                callback(new)
            except Exception:  # a broken surface must not take the faders of the others with it
                _log.exception("a control surface failed")


def _builtin_presets(stems: Iterable[str]) -> dict[str, dict[str, float]]:
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


def _switched(members: frozenset[str], stem: str, on: bool | None) -> frozenset[str]:
    wanted = stem not in members if on is None else on
    return members | {stem} if wanted else members - {stem}


def _position(value: float, where: str) -> float:
    if not isinstance(value, Real) or not 0 <= value <= 1:  # NaN fails too
        raise ConfigError(f"{where}: must be a number from 0 to 1, not {value!r}")
    return float(value)
