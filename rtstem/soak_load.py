"""What `rtstem soak` puts beside the engine: greedy threads, programs, hands on the faders."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .control.actions import ActionTable
from .control.osc import OscSurface
from .control.web import WebSurface
from .load.adversaries import ADVERSARIES, Adversaries
from .load.browsers import Browsers
from .load.flood import Flood
from .load.spin import Spin
from .load.stalls import StallMonitor, Stalls

if TYPE_CHECKING:
    from .engine import Engine


@dataclass(frozen=True)
class Load:
    """How much of it."""

    adversaries: tuple[str, ...] = tuple(ADVERSARIES)
    share: float = 1.0
    """Part of the time that each adversary may work."""
    programs: int = 1
    """That each take a processor for themselves, at normal priority."""
    browsers: int = 2
    moves: int = 200
    """OSC messages a second, each a fader move."""

    def describe(self) -> str:
        """One line for people."""
        threads = f"threads {', '.join(self.adversaries)}" if self.adversaries else "no threads"
        part = f" for {self.share:.0%} of the time" if self.adversaries and self.share < 1 else ""
        programs = f"{self.programs} busy program{'s' if self.programs != 1 else ''}"
        return f"{threads}{part}; {programs}; {self.browsers} browsers, {self.moves} moves a second"


GENTLE = Load(share=0.1, programs=0, browsers=1, moves=50)
"""For machines that others need as well."""


class Loads:
    """All of a load beside `engine`, as a context manager: the web mixer and OSC are real ones."""

    def __init__(self, engine: Engine, load: Load) -> None:
        self._engine, self._load = engine, load
        self._adversaries = Adversaries(load.adversaries, load.share)
        self._monitor = StallMonitor()

    def __enter__(self) -> Loads:
        """Start; returns when all are at work. Raises ConfigError or EngineError."""
        load = self._load
        with ExitStack() as running:
            running.enter_context(self._monitor)
            running.enter_context(Spin(load.programs))
            self._open_surfaces(running)
            running.enter_context(self._adversaries)
            self._running = running.pop_all()
        return self

    def _open_surfaces(self, running: ExitStack) -> None:
        actions = ActionTable(self._engine.desk)
        if self._load.browsers:
            web = running.enter_context(WebSurface(self._engine, actions, port=0))
            running.enter_context(Browsers(web.url, self._load.browsers, spectrum=True))
        if self._load.moves:
            osc = OscSurface(actions, port=0)
            osc.start()
            running.callback(osc.stop)
            running.enter_context(Flood(osc.address[1], self._load.moves))

    def __exit__(self, *_exc: object) -> None:
        self._running.close()

    @property
    def stalls(self) -> Stalls | None:
        """How often the machine itself stood still; known at the end."""
        return self._monitor.seen

    @property
    def gave_up(self) -> dict[str, str]:
        """Adversaries that the machine did not let work, and why."""
        return self._adversaries.gave_up
