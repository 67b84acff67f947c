"""The desk: faders, mutes, solos, filters, presets, snapshots, buses and master.

Keyboard, MIDI, OSC, web and the Python API all move this one object; it tells the engine the new
gains and every surface the new state. It knows nothing of audio.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import ConfigError
from .announcer import Announcer
from .desk_memory import Fade, Memory
from .desk_setup import builtin_presets, known, position, snapshot_number, switched, unity
from .desk_state import DeskState, Values, fader_gain, frozen

__all__ = ["Desk", "DeskState", "fader_gain"]


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
        buses: Mapping[str, Values] | None = None,
    ) -> None:
        """Desk with `faders` at the start (stems not named: 1); calls `on_change` once.

        presets: positions by name and stem; one called like a built-in preset replaces it.
        on_change: the engine; gets the new state, before the surfaces, when what is heard changed.
        buses: linear gains, by bus and stem, of the buses that do not follow the faders.
        Raises ConfigError for a stem that is not in `stems` or a position outside 0 to 1.
        """
        self._lock = threading.RLock()  # re-entrant: a subscriber may move the desk
        self._memory = Memory()
        self._snapshots: dict[int, DeskState] = {}
        self.fade_seconds = 2.0
        """How long the recall of a snapshot takes."""
        self._start = unity(tuple(stems), buses or {})
        self._presets = builtin_presets(stems) | {
            name: self._checked(values, f"preset {name}") for name, values in presets.items()
        }
        positions = {**self._start.faders, **self._checked(faders or {}, "faders")}
        self._announcer = Announcer(replace(self._start, faders=frozen(positions)), on_change)

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the model's order."""
        return self._start.stems

    @property
    def buses(self) -> tuple[str, ...]:
        """Names of the buses with gains of their own."""
        return tuple(self._start.bus_levels)

    @property
    def presets(self) -> tuple[str, ...]:
        """Names of the presets, built-in ones first."""
        return tuple(self._presets)

    def state(self) -> DeskState:
        """The state now."""
        return self._announcer.state

    def get(self, stem: str) -> float:
        """Position of a stem's fader, 0 to 1."""
        return self.state().faders[self._known(stem)]

    # -- controls

    def set(self, stem: str, value: float) -> None:
        """Move a stem's fader to `value`, 0 to 1."""
        values = self._checked({stem: value}, "fader")
        self._change(
            f"fader {stem}", lambda s: {"faders": frozen({**s.faders, **values}), "preset": None}
        )

    def filter(self, stem: str, value: float) -> None:
        """Turn a stem's filter knob: below 0.5 low-pass, above high-pass, 0.5 off."""
        values = self._checked({stem: value}, "filter")
        self._change(f"filter {stem}", lambda s: {"knobs": frozen({**s.knobs, **values})})

    def mute(self, stem: str, on: bool | None = None) -> None:
        """Silence a stem or give it back; None toggles. A mute wins over a solo."""
        self._known(stem)
        self._change(
            f"mute {stem}", lambda s: {"muted": switched(s.muted, stem, on), "preset": None}
        )

    def solo(self, stem: str, on: bool | None = None) -> None:
        """Hear a stem, and others in solo, alone; None toggles."""
        self._known(stem)
        self._change(
            f"solo {stem}", lambda s: {"soloed": switched(s.soloed, stem, on), "preset": None}
        )

    def solo_only(self, stem: str, on: bool = True) -> None:
        """Hear this stem alone, no other in solo; `on` False ends all solos."""
        chosen = frozenset({self._known(stem)} if on else ())
        self._change(f"solo_only {stem}", lambda s: {"soloed": chosen, "preset": None})

    def kill(self, stem: str, on: bool) -> None:
        """Cut a stem for as long as it is on: the finger's, no matter for undo or snapshots."""
        self._known(stem)
        with self._lock:
            killed = switched(self.state().killed, stem, on)
            self._announcer.become(replace(self.state(), killed=killed))

    def bus(self, bus: str, stem: str, value: float) -> None:
        """Move a stem's fader on a bus with gains of its own, 0 to 1 (the configured gain)."""
        known(bus, self.buses, "bus")
        values = self._checked({stem: value}, f"bus {bus}")

        def moved(s: DeskState) -> dict[str, Any]:
            return {"bus_faders": {**s.bus_faders, bus: frozen({**s.bus_faders[bus], **values})}}

        self._change(f"bus {bus} {stem}", moved)

    def bus_level(self, bus: str, value: float) -> None:
        """Move the level of a bus with gains of its own, 0 to 1."""
        level = {known(bus, self.buses, "bus"): position(value, f"level of bus {bus}")}
        self._change(f"level {bus}", lambda s: {"bus_levels": frozen({**s.bus_levels, **level})})

    def master(self, value: float) -> None:
        """Move the master fader, 0 to 1."""
        place = position(value, "master")
        self._change("master", lambda s: {"master": place})

    def bypass(self, on: bool) -> None:
        """Let the music through as it came in, at the master's level, or stop doing so."""
        self._change("bypass", lambda s: {"bypass": bool(on)})

    # -- scenes

    def preset(self, name: str) -> None:
        """Move the faders that a preset names, and lift what would keep it from being heard.

        That is: the mutes of the stems it names, all solos, and the bypass.
        """
        values = self._presets[known(name, self._presets, "preset")]
        with self._lock:
            for stem in values:
                self._memory.hand(f"fader {stem}")
            self._change(
                f"preset {name}",
                lambda s: {
                    "faders": frozen({**s.faders, **values}),
                    "muted": s.muted.difference(values),
                    "soloed": frozenset(),
                    "bypass": False,
                    "preset": name,
                },
            )

    def panic(self) -> None:
        """Everything to unity at once: the music as it came in, whatever was set."""
        with self._lock:
            self._memory.fade = None
            self._become(self._start, "panic")

    def undo(self) -> None:
        """Back to the state before the last gesture; once more: forth again."""
        with self._lock:
            self._announcer.become(self._memory.back(self.state()))

    def store(self, number: int) -> None:
        """Keep the state as snapshot 1 to 8."""
        with self._lock:
            self._snapshots[snapshot_number(number)] = self.state()

    def stored(self, number: int) -> bool:
        """True where the snapshot has been stored."""
        return snapshot_number(number) in self._snapshots

    def recall(self, number: int, now: float | None = None) -> None:
        """Crossfade to a snapshot within `fade_seconds`; switches (mute, solo...) change at once.

        `tick` moves the fade on. Raises ConfigError where nothing was stored.
        """
        if not self.stored(number):
            raise ConfigError(f"snapshot {number} is empty; store it first")
        with self._lock:
            state = self.state()
            end = replace(self._snapshots[number], killed=state.killed)
            self._memory.fade = None
            if end != state:
                self._memory.note(state, f"snapshot {number}")
                began = time.monotonic() if now is None else now
                fade = Fade(state, end, began, self.fade_seconds)
                self._announcer.become(self._memory.begin(fade))

    @property
    def fading(self) -> bool:
        """True while a crossfade waits for `tick`."""
        return self._memory.fade is not None

    def tick(self, now: float | None = None) -> None:
        """Move a crossfade on to time `now` (of `time.monotonic`)."""
        with self._lock:
            moment = time.monotonic() if now is None else now
            self._announcer.become(self._memory.step(moment, self.state()))

    # -- listeners

    def subscribe(self, callback: Callable[[DeskState], None]) -> Callable[[], None]:
        """Call `callback` with the new state after every change; returns how to stop that."""

        def unsubscribe() -> None:
            with self._lock:
                self._announcer.remove(callback)

        with self._lock:
            self._announcer.add(callback)
        return unsubscribe

    # -- within

    def _change(self, gesture: str, fields: Callable[[DeskState], dict[str, Any]]) -> None:
        """One move of one control: what it changes, from the state at that moment."""
        with self._lock:
            self._memory.hand(gesture)
            self._become(replace(self.state(), **fields(self.state())), gesture)

    def _become(self, state: DeskState, gesture: str) -> None:
        if state != self.state():
            self._memory.note(self.state(), gesture)
            self._announcer.become(state)

    def _known(self, stem: str) -> str:
        return known(stem, self.stems, "stem")

    def _checked(self, values: Values, where: str) -> dict[str, float]:
        return {
            self._known(stem): position(value, f"{where} {stem}") for stem, value in values.items()
        }
