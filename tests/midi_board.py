"""A board of actions that only remembers values: what a controller moves, without the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace

KINDS = {
    "fader": "continuous",
    "other": "continuous",
    "mute": "toggle",
    "solo": "toggle",
    "preset": "trigger",
    "snapshot.1.recall": "trigger",
}


class Board:
    """Looks like an ActionTable; `done` lists every (action, value) applied, in order."""

    def __init__(self) -> None:
        self.names = tuple(KINDS)
        self.now = dict.fromkeys(KINDS, 0.0)
        self.done: list[tuple[str, float]] = []
        self.fade_seconds = 2.0
        self._subscribers: list[Callable[[Mapping[str, float]], None]] = []

    def __getitem__(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, kind=KINDS[name], label=name, default=0.0)

    def __contains__(self, name: object) -> bool:
        return name in KINDS

    def value(self, name: str) -> float:
        return self.now[name]

    def apply(self, name: str, value: float) -> None:
        self.done.append((name, value))
        if KINDS[name] != "trigger":
            self.now[name] = value
        for callback in self._subscribers:
            callback({name: value})

    def subscribe(self, callback: Callable[[Mapping[str, float]], None]) -> Callable[[], None]:
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)
