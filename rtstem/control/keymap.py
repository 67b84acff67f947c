"""Which key does what, as a table, and the object that moves the desk by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from .desk import Desk

STEP = 0.05
"""How far one press moves a fader."""

FADER_KEYS = (("q", "a"), ("w", "s"), ("e", "d"), ("r", "f"), ("t", "g"), ("y", "h"))
# Shift and the number, as English, German and other keyboards deliver it.
SOLO_KEYS = ("!", '@"', "#£§", "$", "%", "^&")
PRESET_KEYS = "zxcnm"
QUIT_KEYS = ("esc", "quit", "eof")
HELP_KEY = "?"


@dataclass(frozen=True)
class Binding:
    """Keys that do the same, how the help shows them, and what they do; `act` returns a message."""

    keys: Sequence[str]
    shown: str
    meaning: str
    act: Callable[[], str]


class KeyDesk:
    """Moves `desk` by keys; `selected` is the stem that the arrows move.

    `presets` are the names that the user's configuration adds; the first five get keys.
    """

    def __init__(self, desk: Desk, presets: Sequence[str] = ()) -> None:
        self.desk = desk
        self.selected = 0
        self.bindings = self._bindings(presets)
        self._by_key = {key: binding for binding in self.bindings for key in binding.keys}

    def press(self, key: str) -> str:
        """Do what `key` stands for; returns what happened in words, empty for an unused key."""
        binding = self._by_key.get(key.lower() if key.isalpha() else key)
        return binding.act() if binding else ""

    def help(self) -> list[tuple[str, str]]:
        """Rows of keys and their meaning."""
        rows = [(binding.shown, binding.meaning) for binding in self.bindings if binding.shown]
        return [*rows, (HELP_KEY, "show or hide this list"), ("Esc, Ctrl-C", "quit")]

    def _bindings(self, presets: Sequence[str]) -> list[Binding]:
        table = []
        for index, stem in enumerate(self.desk.stems[: len(FADER_KEYS)]):
            table += self._stem_bindings(index, stem)
        return table + self._common_bindings() + self._preset_bindings(presets)

    def _stem_bindings(self, index: int, stem: str) -> list[Binding]:
        number, (up, down) = str(index + 1), FADER_KEYS[index]
        return [
            Binding([number], f"{number}", f"mute {stem}", lambda: self._mute(stem)),
            Binding(
                tuple(SOLO_KEYS[index]), f"Shift-{number}", f"solo {stem}", lambda: self._solo(stem)
            ),
            Binding([up], f"{up} / {down}", f"{stem} up / down", lambda: self._move(stem, STEP)),
            Binding([down], "", "", lambda: self._move(stem, -STEP)),
        ]

    def _common_bindings(self) -> list[Binding]:
        return [
            Binding(["v"], "v", "vocals kill on / off", lambda: self._mute("vocals")),
            Binding(["i"], "i", "instrumental on / off", lambda: self._preset("instrumental")),
            Binding(["k"], "k", "a cappella on / off", lambda: self._preset("acapella")),
            Binding(["0"], "0", "all up: the music as it came in", self._panic),
            Binding(["u"], "u", "undo the last change; once more: redo it", self._undo),
            Binding(["b"], "b", "bypass on / off, faders stay", self._bypass),
            Binding(["=", "+"], "+ / -", "master up / down", lambda: self._master(STEP)),
            Binding(["-"], "", "", lambda: self._master(-STEP)),
            Binding(["left"], "Left / Right", "choose a stem", lambda: self._select(-1)),
            Binding(["right"], "", "", lambda: self._select(1)),
            Binding(["up"], "Up / Down", "its fader", lambda: self._move(self._chosen, STEP)),
            Binding(["down"], "", "", lambda: self._move(self._chosen, -STEP)),
            Binding(["space"], "Space", "mute it", lambda: self._mute(self._chosen)),
        ]

    def _preset_bindings(self, presets: Sequence[str]) -> list[Binding]:
        return [
            Binding([key], key, f"preset {name} on / off", partial(self._preset, name))
            for key, name in zip(PRESET_KEYS, presets, strict=False)
        ]

    @property
    def _chosen(self) -> str:
        return self.desk.stems[self.selected]

    def _select(self, step: int) -> str:
        self.selected = (self.selected + step) % len(self.desk.stems)
        return f"{self._chosen} chosen"

    def _mute(self, stem: str) -> str:
        if stem not in self.desk.stems:
            return f"this model has no {stem}"
        self.desk.mute(stem)
        return f"{stem} muted" if stem in self.desk.state().muted else f"{stem} on"

    def _solo(self, stem: str) -> str:
        self.desk.solo(stem)
        return f"{stem} solo" if stem in self.desk.state().soloed else f"{stem} solo off"

    def _move(self, stem: str, step: float) -> str:
        value = min(1.0, max(0.0, self.desk.get(stem) + step))
        self.desk.set(stem, value)
        return f"{stem} fader {value:.0%}"

    def _master(self, step: float) -> str:
        value = min(1.0, max(0.0, self.desk.state().master + step))
        self.desk.master(value)
        return f"master {value:.0%}"

    def _preset(self, name: str) -> str:
        if name not in self.desk.presets:
            return f"this model has no preset {name}"
        if self.desk.state().preset == name:
            return self._panic()
        self.desk.preset(name)
        return f"preset {name}"

    def _panic(self) -> str:
        self.desk.panic()
        return "all up: the music as it came in"

    def _undo(self) -> str:
        before = self.desk.state()
        self.desk.undo()
        return "undone" if self.desk.state() != before else "nothing to undo"

    def _bypass(self) -> str:
        self.desk.bypass(not self.desk.state().bypass)
        return "bypass on" if self.desk.state().bypass else "bypass off"
