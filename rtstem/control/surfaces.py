"""Everything that moves or follows a running engine's desk beside the terminal: MIDI, snapshot fades,
the recorder. Started and stopped together.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

from .actions import ActionTable
from .desk import Desk
from .midi import MidiSurface
from .midi_profile_files import load_profiles
from .recorded import RecordedEngine
from .recorder import Recorder, RecordingReport

FADE_SECONDS = 0.005  # between two steps of a fade; the audio ramps from one to the next
IDLE_SECONDS = 0.02


class SurfacedEngine(RecordedEngine, Protocol):
    """What the surfaces need of an engine."""

    @property
    def desk(self) -> Desk: ...

    def tell(self, notice: str) -> None: ...


class Surfaces:
    """The surfaces of one engine; a context manager.

    midi: None for no MIDI, "auto" for all ports that a profile knows, or parts of port names.
    record: folder of a recording, None for none. `report` holds what was recorded afterwards.
    """

    def __init__(
        self,
        engine: SurfacedEngine,
        midi: str | Sequence[str] | None = None,
        record: str | Path | None = None,
    ) -> None:
        """Nothing runs yet. Raises ConfigError or AudioFileError (a folder that takes nothing)."""
        self.actions = ActionTable(engine.desk)
        self.report: RecordingReport | None = None
        self._desk = engine.desk
        self._midi = (
            MidiSurface(
                self.actions,
                load_profiles(),
                "auto" if midi == "auto" else midi,
                engine.tell,
                desk=engine.desk,
            )
            if midi is not None
            else None
        )
        self._recorder = (
            Recorder(engine, record, on_notice=engine.tell) if record is not None else None
        )
        self._stopping = threading.Event()
        self._fades = threading.Thread(target=self._fade, name="rtstem-fades", daemon=True)

    def _fade(self) -> None:
        while not self._stopping.wait(FADE_SECONDS if self._desk.fading else IDLE_SECONDS):
            self._desk.tick()

    def __enter__(self) -> Surfaces:
        """Start. Raises MidiError where MIDI does not work."""
        self._fades.start()
        if self._midi is not None:
            self._midi.start()
        if self._recorder is not None:
            self._recorder.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; the recording is complete afterwards."""
        self._stopping.set()
        self._fades.join()
        if self._midi is not None:
            self._midi.stop()
        if self._recorder is not None:
            self.report = self._recorder.stop()
