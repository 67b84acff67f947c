"""Everything that moves or follows a running engine's desk beside the terminal: MIDI, web page, OSC,
snapshot fades, the recorder. Started and stopped together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from ..config import Config
from ..errors import MidiError
from .actions import ActionTable, Models
from .desk import Desk
from .midi import MidiSurface
from .midi_profile import Profile
from .midi_profile_files import choose_profiles, keep_profile
from .osc import OscSurface
from .recorded import RecordedEngine
from .recorder import Recorder, RecordingReport
from .web import WebSurface
from .web_feed import WebEngine
from .web_session import Learn

FADE_SECONDS = 0.005  # between two steps of a fade; the audio ramps from one to the next
IDLE_SECONDS = 0.02


class SurfacedEngine(RecordedEngine, WebEngine, Protocol):
    """What the surfaces need of an engine."""

    @property
    def desk(self) -> Desk: ...

    @property
    def models(self) -> Models: ...

    def tell(self, notice: str) -> None: ...


class Surface(Protocol):
    """A surface that can be started and stopped."""

    def start(self) -> None: ...

    def stop(self) -> object: ...


class Surfaces:
    """The surfaces that `config` switches on, for one engine; a context manager.

    record: folder of a recording, None for none; `report` holds what was recorded afterwards.
    """

    def __init__(
        self, engine: SurfacedEngine, config: Config, record: str | Path | None = None
    ) -> None:
        """Nothing runs yet. Raises ConfigError or AudioFileError (a folder that takes nothing)."""
        self.actions = ActionTable(engine.desk, engine.models)
        self.report: RecordingReport | None = None
        self._engine, self._desk = engine, engine.desk
        self._recorder = (
            Recorder(engine, record, on_notice=engine.tell) if record is not None else None
        )
        midi = self._midi_surface(config) if config.midi.enabled else None
        self._web = self._web_surface(config, midi) if config.web.enabled else None
        osc = self._osc_surface(config) if config.osc.enabled else None
        self._surfaces: list[Surface] = [s for s in (midi, self._web, osc) if s is not None]
        self._running = ExitStack()
        self._stopping = threading.Event()
        self._fades = threading.Thread(target=self._fade, name="rtstem-fades", daemon=True)

    def _midi_surface(self, config: Config) -> MidiSurface:
        profiles, ports = choose_profiles(config.midi.profile, config.midi.ports)
        return MidiSurface(
            self.actions,
            profiles,
            ports,
            self._engine.tell,
            desk=self._desk,
            on_learned=lambda learned: self._keep(learned.profile),
            realtime=config.realtime.priority,
        )

    def _keep(self, profile: Profile) -> None:
        try:
            self._engine.tell(f"learned; saved as {keep_profile(profile)}")
        except MidiError as error:
            self._engine.tell(f"learned for this show only: {error}")

    def _osc_surface(self, config: Config) -> OscSurface:
        osc, tell = config.osc, self._engine.tell
        return OscSurface(self.actions, osc.host, osc.port, allow=osc.allow, on_notice=tell)

    def _web_surface(self, config: Config, midi: MidiSurface | None) -> WebSurface:
        return WebSurface(
            self._engine,
            self.actions,
            config.web.host,
            config.web.port,
            config.web.token,
            self._engine.tell,
            learn=_learn_with(midi) if midi is not None else None,
        )

    @property
    def url(self) -> str:
        """Address of the web mixer, empty without one."""
        return self._web.url if self._web is not None else ""

    def _fade(self) -> None:
        while not self._stopping.wait(FADE_SECONDS if self._desk.fading else IDLE_SECONDS):
            self._desk.tick()

    def __enter__(self) -> Surfaces:
        """Start. Raises MidiError, ConfigError or DeviceError for one that does not work here;
        nothing runs then."""
        with ExitStack() as running:
            for surface in self._surfaces:
                running.callback(surface.stop)
                surface.start()
            if self._recorder is not None:
                self._recorder.start()
            self._fades.start()
            self._running = running.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop; the recording is complete afterwards."""
        self._stopping.set()
        self._fades.join()
        self._running.close()
        if self._recorder is not None:
            self.report = self._recorder.stop()


def _learn_with(midi: MidiSurface) -> Learn:
    """What the web page's MIDI learn button does."""

    def learn(action: str | None, tell: Callable[[str], None]) -> None:
        if action is None:
            midi.cancel_learn()
        else:
            midi.learn(action, lambda learned: tell(f"{learned.action}: {learned.port}"))

    return learn
