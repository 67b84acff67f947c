"""Makes the mix of a recording again, bit for bit, or with the stems of another model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .control.recording_log import RecordingLog, read_log
from .errors import AudioFileError, ConfigError, ModelError
from .io.decode import Audio, AudioFile
from .io.writer import FORMATS, AudioFileSet
from .model_spec import ModelSpec, read_model_spec
from .provider_choice import choose_name
from .remix import Remix
from .resources import find_model, listing
from .rt.separator import Separator
from .stems import StemStream

CHUNK_FRAMES = 1 << 16
DRY = "dry"

Progress = Callable[[int, int], None]
"""Called with (frames done, frames in total)."""


@dataclass(frozen=True)
class ReplayReport:
    """What `replay` made."""

    out: Path
    bus: str
    rate: int
    frames: int
    model: str
    """Whose stems were mixed."""
    compared: Path | None
    """The recorded bus, where it is there to compare with; None with another model."""
    differs_from: int | None
    """First frame that is not that of the recorded bus, bit for bit; None: all are."""
    difference: float
    """Largest difference to it, linear."""
    notes: tuple[str, ...]
    """What the recording lacks, a line each."""


def replay(
    path: str | Path,
    out: str | Path | None = None,
    model: str | Path | None = None,
    bus: str | None = None,
    provider: str = "auto",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ReplayReport:
    """Mix `bus` (None: the first) of the recording with the log `path` again, to a float WAV file.

    path: a log, or the folder of a recording. model: separate the recorded dry signal with this
    model instead of taking the recorded stems. out: by default replay-BUS.wav beside the log; it
    appears when it is complete.
    Raises AudioFileError (log or files missing, damaged or of other length), ConfigError (no such
    bus), ModelError (the model has other stems), EngineError.
    """
    log = read_log(path)
    number = _bus_number(log, bus)
    name = tuple(log.header.buses)[number]
    target = Path(out) if out is not None else log.path.parent / f"replay-{name}.wav"
    if target.suffix.lower() != ".wav":
        raise ConfigError(f"{target}: a replay is written as wav; choose a name that ends in .wav")
    spec = read_model_spec(find_model(model)) if model is not None else None
    with ExitStack() as stack:
        files = _Files(log, stack)
        audio = files.recorded() if spec is None else files.separated(spec, provider)
        judge = _Judge(files.bus(name) if spec is None else None)
        rate, total = log.header.rate, files.frames
        with AudioFileSet({name: target}, FORMATS["wav"], rate, 2, total, overwrite) as output:
            for block in Remix(log, number).run(audio):
                output.write(name, block)
                judge.hear(block)
                if progress:
                    progress(judge.heard, total)
    return ReplayReport(
        out=target,
        bus=name,
        rate=rate,
        frames=judge.heard,
        model=log.header.model if spec is None else spec.name,
        compared=judge.path,
        differs_from=judge.differs_from,
        difference=judge.difference,
        notes=_notes(log),
    )


def _bus_number(log: RecordingLog, bus: str | None) -> int:
    names = tuple(log.header.buses)
    if bus is None:
        return 0
    if bus not in names:
        raise ConfigError(f"bus '{bus}' was not recorded; choose of {listing(names)}")
    return names.index(bus)


def _notes(log: RecordingLog) -> tuple[str, ...]:
    notes = []
    if log.totals is None:
        notes.append("the recording was cut off; it ends where its shortest file does")
    elif log.totals.stopped:
        notes.append(f"the recording stopped early: {log.totals.stopped}")
    for at, frames in log.gaps:
        notes.append(f"{frames} frames from frame {at} on were lost and are silence")
    if log.lost_moves:
        notes.append("some moves were lost; around them the mix is not the recorded one")
    return tuple(notes)


class _Files:
    """The audio files of a recording, checked against its log and open until `stack` closes.

    `frames`: length of the shortest one opened.
    """

    def __init__(self, log: RecordingLog, stack: ExitStack) -> None:
        self._log, self._stack = log, stack
        self.frames = 1 << 62

    def recorded(self) -> Iterator[Audio]:
        """Dry signal and stems, [n, 2 + 2 S] float32, up to the end of the shortest file."""
        channels = (DRY, *(f"stem.{stem}" for stem in self._log.header.stems))
        return _together([self._open(channel) for channel in channels])

    def separated(self, spec: ModelSpec, provider: str) -> Iterator[Audio]:
        """The same with the stems that another model finds in the dry signal."""
        header = self._log.header
        if set(spec.stems) != set(header.stems):
            raise ModelError(
                f"{spec.path}: the model has the stems {listing(spec.stems)}, but the recorded moves"
                f" are for {listing(header.stems)}; choose a model with these"
            )
        order = [spec.stems.index(stem) for stem in header.stems]
        dry = self._open(DRY)
        name = choose_name(spec, provider)
        stream = StemStream(spec, header.rate, 2, lambda: Separator(spec, name))
        self._stack.enter_context(closing(stream))
        return (
            np.concatenate([block, *stems[order]], axis=1)
            for block, stems in stream.run(dry.blocks(stream.block_frames))
        )

    def bus(self, name: str) -> AudioFile | None:
        """The recorded bus; None where it was not recorded or is gone, as it is not needed."""
        path = self._path(f"bus.{name}")
        return self._open(f"bus.{name}") if path is not None and path.exists() else None

    def _path(self, channel: str) -> Path | None:
        name = self._log.header.files.get(channel)
        return None if name is None else self._log.path.parent / name

    def _open(self, channel: str) -> AudioFile:
        path, header, totals = self._path(channel), self._log.header, self._log.totals
        if path is None:
            raise AudioFileError(
                f"{self._log.path}: {channel} was not recorded; record dry signal and stems, or "
                "choose a model (--model), which needs the dry signal only"
            )
        file = self._stack.enter_context(AudioFile(path))
        frames = file.frames or 0
        wanted = totals.frames if totals is not None and not totals.stopped else frames
        if (file.rate, file.channels, frames) != (header.rate, 2, wanted):
            raise AudioFileError(
                f"{path}: holds {file.channels} channels of {frames} frames at {file.rate} Hz, but 2 of "
                f"{wanted} at {header.rate} Hz were recorded; take it from a copy of the recording"
            )
        self.frames = min(self.frames, frames)
        return file


def _together(files: list[AudioFile]) -> Iterator[Audio]:
    """Blocks of all `files` side by side up to the end of the shortest."""
    frames = CHUNK_FRAMES
    while frames == CHUNK_FRAMES:
        parts = [file.read(CHUNK_FRAMES) for file in files]
        frames = min(len(part) for part in parts)
        yield np.concatenate([part[:frames] for part in parts], axis=1)


class _Judge:
    """Compares what was mixed with the recorded bus."""

    def __init__(self, bus: AudioFile | None) -> None:
        self.path = None if bus is None else bus.path
        self.heard = 0
        """Frames mixed so far."""
        self.differs_from: int | None = None
        self.difference = 0.0
        self._bus = bus

    def hear(self, block: Audio) -> None:
        """Compare the next `block` [n, 2]."""
        frames = len(block)
        if self._bus is not None:
            recorded = self._bus.read(frames)
            block = block[: len(recorded)]
            other = np.flatnonzero((block.view(np.int32) != recorded.view(np.int32)).any(axis=1))
            if len(other):
                self.difference = max(self.difference, float(np.abs(block - recorded).max()))
                if self.differs_from is None:
                    self.differs_from = self.heard + int(other[0])
        self.heard += frames
