"""The table of everything a control surface can do, by name, with one value from 0 to 1 each.

MIDI, OSC and the web page speak this table; it moves the desk and reads its state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Literal, Protocol

from ..errors import ConfigError
from ..resources import did_you_mean, listing
from .desk import Desk
from .desk_memory import SNAPSHOTS
from .desk_state import CENTRE, DeskState

_log = logging.getLogger(__name__)
Kind = Literal["continuous", "toggle", "trigger"]


@dataclass(frozen=True)
class Action:
    """One thing to do. A toggle is on from 0.5 up, a trigger fires from 0.5 up."""

    name: str
    kind: Kind
    label: str
    default: float


class Models(Protocol):
    """The models that one may change to while it plays."""

    current: str

    @property
    def names(self) -> tuple[str, ...]: ...

    def choose(self, name: str) -> object: ...

    def subscribe(self, listener: Callable[[], None]) -> None: ...


@dataclass(frozen=True)
class _Entry:
    action: Action
    apply: Callable[[float], None]
    read: Callable[[DeskState], float]


class ActionTable:
    """The actions of one desk, and of the choice of a model, from any thread."""

    def __init__(self, desk: Desk, models: Models | None = None) -> None:
        self._desk = desk
        self._entries: dict[str, _Entry] = {}
        for stem in desk.stems:
            self._add_stem(stem)
        for bus in desk.buses:
            self._add_bus(bus)
        self._add_desk()
        if models is not None:
            for model in models.names:
                self._add_model(models, model)
        self._lock = threading.Lock()
        self._told = self.values()
        self._callbacks: list[Callable[[Mapping[str, float]], None]] = []
        desk.subscribe(self._changed)
        if models is not None:
            models.subscribe(lambda: self._changed(desk.state()))

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return tuple(self._entries)

    def __getitem__(self, name: str) -> Action:
        return self._entry(name).action

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def apply(self, name: str, value: float) -> None:
        """Do it. Raises ConfigError for an unknown name, a value outside 0 to 1, an empty snapshot."""
        entry = self._entry(name)
        if not isinstance(value, Real) or not 0 <= value <= 1:
            raise ConfigError(f"{name}: must be a number from 0 to 1, not {value!r}")
        entry.apply(float(value))

    def value(self, name: str) -> float:
        """What a surface shows, 0 to 1; a preset is 1 while it is in force."""
        return self._entry(name).read(self._desk.state())

    def values(self) -> dict[str, float]:
        """All values, of one moment."""
        state = self._desk.state()
        return {name: entry.read(state) for name, entry in self._entries.items()}

    def subscribe(self, callback: Callable[[Mapping[str, float]], None]) -> Callable[[], None]:
        """Call `callback` after every change with the values that changed; returns how to end it."""
        with self._lock:
            self._callbacks = [*self._callbacks, callback]

        def unsubscribe() -> None:
            with self._lock:
                self._callbacks = [c for c in self._callbacks if c is not callback]

        return unsubscribe

    def _changed(self, state: DeskState) -> None:
        """The desk's announcements come one at a time and in order."""
        values = {name: entry.read(state) for name, entry in self._entries.items()}
        with self._lock:
            changed = {name: value for name, value in values.items() if value != self._told[name]}
            self._told = values
        if changed:
            for callback in self._callbacks:
                try:
                    callback(changed)
                except Exception:  # one broken surface must not keep the others from hearing
                    _log.exception("a control surface failed")

    def _entry(self, name: str) -> _Entry:
        entry = self._entries.get(name)
        if entry is None:
            hint = did_you_mean(str(name), self._entries)
            raise ConfigError(
                f"action '{name}': no such action{hint}; allowed: {listing(self._entries)}"
            )
        return entry

    # -- the table

    def _add(
        self,
        name: str,
        kind: Kind,
        label: str,
        apply: Callable[[float], None],
        read: Callable[[DeskState], float],
        default: float = 0.0,
    ) -> None:
        self._entries[name] = _Entry(Action(name, kind, label, default), apply, read)

    def _trigger(
        self,
        name: str,
        label: str,
        fire: Callable[[], None],
        read: Callable[[DeskState], float] = lambda _: 0.0,
    ) -> None:
        self._add(name, "trigger", label, lambda v: fire() if v >= 0.5 else None, read)

    def _toggle(
        self, name: str, label: str, set_: Callable[[bool], None], read: Callable[[DeskState], bool]
    ) -> None:
        self._add(name, "toggle", label, lambda v: set_(v >= 0.5), lambda s: float(read(s)))

    def _add_stem(self, stem: str) -> None:
        desk, name = self._desk, f"stem.{stem}"
        self._add(
            f"{name}.gain",
            "continuous",
            f"{stem} fader",
            partial(desk.set, stem),
            lambda s: s.faders[stem],
            1.0,
        )
        self._add(
            f"{name}.filter",
            "continuous",
            f"{stem} filter",
            partial(desk.filter, stem),
            lambda s: s.knobs[stem],
            CENTRE,
        )
        for verb, set_, read in (
            ("mute", desk.mute, lambda s: stem in s.muted),
            ("solo", desk.solo, lambda s: stem in s.soloed),
            ("solo_only", desk.solo_only, lambda s: s.soloed == {stem}),
            ("kill", desk.kill, lambda s: stem in s.killed),
        ):
            label = f"{stem} {verb.replace('_', ' ')}"
            self._toggle(f"{name}.{verb}", label, partial(set_, stem), read)

    def _add_bus(self, bus: str) -> None:
        desk = self._desk
        self._add(
            f"bus.{bus}.gain",
            "continuous",
            f"{bus} level",
            partial(desk.bus_level, bus),
            lambda s: s.bus_levels[bus],
            1.0,
        )
        for stem in desk.stems:
            self._add(
                f"bus.{bus}.{stem}.gain",
                "continuous",
                f"{stem} on {bus}",
                partial(desk.bus, bus, stem),
                partial(_bus_fader, bus, stem),
                desk.state().bus_faders[bus][stem],
            )

    def _add_model(self, models: Models, name: str) -> None:
        self._trigger(
            f"model.{name}",
            f"model {name}",
            lambda: _choose(models, name),
            lambda _: float(models.current == name),
        )

    def _add_desk(self) -> None:
        desk = self._desk
        self._add(
            "master.gain", "continuous", "master", desk.master, lambda s: s.master, default=1.0
        )
        self._toggle("bypass", "bypass", desk.bypass, lambda s: s.bypass)
        for preset in desk.presets:
            self._trigger(
                f"preset.{preset}",
                preset.replace("_", " "),
                partial(desk.preset, preset),
                partial(_in_force, preset),
            )
        self._trigger("panic", "all up", desk.panic)
        self._trigger("undo", "undo", desk.undo)
        for number in range(1, SNAPSHOTS + 1):
            self._trigger(
                f"snapshot.{number}.store", f"store {number}", partial(desk.store, number)
            )
            self._trigger(
                f"snapshot.{number}.recall", f"recall {number}", partial(desk.recall, number)
            )


def _bus_fader(bus: str, stem: str, state: DeskState) -> float:
    return state.bus_faders[bus][stem]


def _in_force(preset: str, state: DeskState) -> float:
    return float(state.preset == preset)


def _choose(models: Models, name: str) -> None:
    if models.current != name:
        models.choose(name)
