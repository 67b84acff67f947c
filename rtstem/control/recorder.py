"""Records what an engine plays: dry signal, stems and buses to files, and all moves to a log.

A thread of its own reads the engine's tap and writes. It never raises into the engine: when the disk
refuses, the recording ends with a notice and the audio goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import AudioFileError, ConfigError, EngineError
from ..rt.board import MAX_BLOCK
from .recorded import RecordedEngine
from .recording_files import FILE_KINDS
from .recording_log import LOG_NAME
from .recording_writer import RecordingWriter, reason, refused

WHAT = ("dry", "stems", "buses")
POLL_SECONDS = 0.02
STOP_SECONDS = 10.0


@dataclass(frozen=True)
class RecordingReport:
    """What a recording holds."""

    folder: Path
    log: Path
    files: Mapping[str, Path]
    """`dry`, `stem.NAME` and `bus.NAME` -> file."""
    rate: int
    frames: int
    lost: int
    """Frames that are silence because the writer was late."""
    moves: int
    error: str
    """Why it ended before it was told to; empty where it did not."""

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.frames / self.rate


class Recorder:
    """One recording of a running engine: `start`, then `stop`.

    `frames` have been recorded so far; `error` is not empty once the recording has ended by itself.
    """

    def __init__(
        self,
        engine: RecordedEngine,
        folder: str | Path,
        format: str = "wav",
        what: Sequence[str] = WHAT,
        on_notice: Callable[[str], None] | None = None,
    ) -> None:
        """Make `folder` and see that it takes files; nothing is recorded yet.

        format: "wav" (32-bit float, bit for bit) or "flac" (24 bit). what: of dry, stems, buses.
        on_notice: gets a line when something goes wrong, in the recorder's thread.
        Raises ConfigError, or AudioFileError for a folder that holds a recording already or cannot
        be written to.
        """
        if format not in FILE_KINDS:
            raise ConfigError(f"format '{format}' is not known; choose of {', '.join(FILE_KINDS)}")
        if not what or not set(what) <= set(WHAT):
            raise ConfigError(f"cannot record {list(what)}; choose of {', '.join(WHAT)}")
        self.folder = Path(folder)
        self.error = ""
        self._engine, self._format, self._notice = engine, format, on_notice or _unheard
        self._names = _file_names(engine, what, "." + format)
        self._writer: RecordingWriter | None = None
        self._stopping = threading.Event()
        self._check_folder()

    def _check_folder(self) -> None:
        probe = self.folder / ".rtstem-probe"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name in (LOG_NAME, *self._names.values()):
                if (self.folder / name).exists():
                    raise AudioFileError(
                        f"{self.folder}: holds {name} already; choose another folder to record to"
                    )
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise refused(self.folder, error) from None

    @property
    def frames(self) -> int:
        """Frames recorded so far."""
        return self._writer.frames if self._writer is not None else 0

    def start(self) -> None:
        """Begin to record the engine, which must be playing.

        Raises EngineError when it is not, or this was started before; AudioFileError.
        """
        if self._writer is not None:
            raise EngineError("this recording has been started already; make a new Recorder")
        if not hasattr(self._engine, "latency"):
            raise EngineError("start the engine before the recording")
        self._writer = RecordingWriter(self._engine, self.folder, self._names, self._format)
        self._thread = threading.Thread(
            target=self._run, args=(self._writer,), name="rtstem-recorder", daemon=True
        )
        self._thread.start()

    def stop(self) -> RecordingReport:
        """End the recording and complete the files; a second call gives the same report."""
        writer = self._writer
        if writer is None:
            raise EngineError("this recording has not been started")
        self._stopping.set()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            self.error = "the disk does not answer"
        return RecordingReport(
            folder=self.folder,
            log=self.folder / LOG_NAME,
            files={channel: self.folder / name for channel, name in self._names.items()},
            rate=self._engine.rate,
            frames=writer.frames,
            lost=writer.lost,
            moves=writer.moves,
            error=self.error,
        )

    def _run(self, writer: RecordingWriter) -> None:
        """The recorder's thread."""
        try:
            while not self._stopping.is_set():
                if self._take(writer) < MAX_BLOCK:
                    self._stopping.wait(POLL_SECONDS)
            while self._take(writer) == MAX_BLOCK:
                pass
            writer.finish()
        except OSError as error:
            self._give_up(writer, reason(error))
        except Exception as error:  # the engine plays on, whatever is wrong here
            self._give_up(writer, f"internal error: {type(error).__name__}: {error}")
        finally:
            writer.close_tap()

    def _take(self, writer: RecordingWriter) -> int:
        lost = writer.lost
        frames = writer.take()
        if writer.lost > lost == 0:
            self._notice(f"{self.folder}: the disk is slow, parts of the recording are silence")
        return frames

    def _give_up(self, writer: RecordingWriter, why: str) -> None:
        self.error = why
        writer.give_up(why)
        self._notice(f"{self.folder}: recording stopped, {why}; the audio goes on")


def _file_names(engine: RecordedEngine, what: Sequence[str], suffix: str) -> dict[str, str]:
    """Channel pair -> file name; a stem called `dry` makes way for the dry signal."""
    names = {"dry": "dry"} if "dry" in what else {}
    if "stems" in what:
        names |= {f"stem.{s}": "stem-dry" if s == "dry" else s for s in engine.spec.stems}
    if "buses" in what:
        names |= {f"bus.{bus}": f"bus-{bus}" for bus in engine.bus_names}
    return {channel: name + suffix for channel, name in names.items()}


def _unheard(notice: str) -> None:
    """The notice callback of a caller that does not listen."""
