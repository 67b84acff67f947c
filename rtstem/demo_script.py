"""The hand on the faders in `rtstem demo`: which section begins when, and what it moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from .control.desk import Desk, DeskState

SCRIPT_SECONDS = 24.0
"""Length that the times below are made for; other lengths stretch or shrink them."""

_STEP_SECONDS = 0.02  # a hand's move is this many small ones
_FADE_BACK_SECONDS = 0.5


@dataclass(frozen=True)
class Move:
    """One thing done to the desk at `at` seconds of the song: a fader, or a preset by name."""

    at: float
    stem: str = ""
    value: float = 0.0
    upwards: bool = False
    """A fader that stands higher than `value` already stays where it is."""
    preset: str = ""

    def apply(self, desk: Desk) -> None:
        """Do it."""
        if self.preset:
            desk.preset(self.preset)
        else:
            lowest = desk.get(self.stem) if self.upwards else 0.0
            desk.set(self.stem, max(lowest, self.value))


@dataclass(frozen=True)
class Section:
    """A part of the script from `start` to `end` seconds of the song."""

    name: str
    start: float
    end: float
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Played:
    """When a section was really there, in seconds of the song as heard.

    `before` is just before its first move, `settled` after its last one, `until` just before the
    next section's first move (infinite for the last section).
    """

    section: Section
    before: float
    settled: float
    until: float
    gains: dict[str, float]
    """Linear gain of each stem after the last move."""


def make_script(stems: Sequence[str], presets: Sequence[str], seconds: float) -> list[Section]:
    """The sections for a song of `seconds`, of those that the model's stems allow."""
    scale = seconds / SCRIPT_SECONDS
    lead = "vocals" if "vocals" in stems else stems[0]
    without = "instrumental" if lead == "vocals" else f"without {lead}"
    parts: list[tuple[str, float, str]] = [
        ("all up", 0.0, ""),
        (f"{lead} down", 4.0, ""),
        (without, 6.0, ""),
        ("a cappella", 10.0, "acapella"),
        ("drums only", 14.0, "drums_only"),
        ("no drums", 16.0, "no_drums"),
        ("all up again", 20.0, ""),
    ]
    parts = [part for part in parts if not part[2] or part[2] in presets]
    ends = [start for _, start, _ in parts[1:]] + [SCRIPT_SECONDS]
    sections = []
    for (name, start, preset), end in zip(parts, ends, strict=True):
        moves: list[Move] = [Move(start * scale, preset=preset)] if preset else []
        if name == f"{lead} down":
            moves = _fade((lead,), start * scale, end * scale, upwards=False)
        elif name == "all up again":
            fade_end = (start + _FADE_BACK_SECONDS) * scale
            moves = _fade(stems, start * scale, fade_end, upwards=True)
        sections.append(Section(name, start * scale, end * scale, tuple(moves)))
    return sections


def _fade(stems: Sequence[str], start: float, end: float, upwards: bool) -> list[Move]:
    """Small steps over the whole way of the faders of `stems`."""
    count = max(1, round((end - start) / _STEP_SECONDS))
    return [
        Move(
            start + n * (end - start) / count,
            stem,
            n / count if upwards else 1 - n / count,
            upwards,
        )
        for n in range(1, count + 1)
        for stem in stems
    ]


@dataclass
class ScriptPlayer:
    """Moves the desk when the song has got there; `now` tells the seconds of the song as heard."""

    desk: Desk
    script: Sequence[Section]
    now: Callable[[], float]
    played: list[Played] = field(default_factory=list)
    states: list[tuple[float, DeskState]] = field(default_factory=list)
    """The desk after every move, and when that was; the first entry is the start, at 0 seconds."""

    def __post_init__(self) -> None:
        self._waiting = list(self.script)
        self._moves: list[Move] = []
        self._note(0.0)

    def step(self) -> float:
        """Do all moves that are due; returns the time now."""
        time = self.now()
        while self._waiting and time >= self._waiting[0].start:
            self._begin(self._waiting.pop(0), time)
        while self._moves and time >= self._moves[0].at:
            self._settle(self._moves.pop(0))
        return time

    def _begin(self, section: Section, time: float) -> None:
        while self._moves:  # what the last section had no time for
            self._settle(self._moves.pop(0))
        if self.played:
            self.played[-1] = replace(self.played[-1], until=time)
        gains = dict(self.desk.state().gains)
        self.played.append(Played(section, time, time, float("inf"), gains))
        self._moves = list(section.moves)

    def _settle(self, move: Move) -> None:
        move.apply(self.desk)
        self._note(self.now())

    def _note(self, time: float) -> None:
        state = self.desk.state()
        self.states.append((time, state))
        if self.played:
            self.played[-1] = replace(self.played[-1], settled=time, gains=dict(state.gains))
