"""What is done with one song: looked at, separated, copied. Runs in any process, on any machine.

Nothing here raises: whatever goes wrong with a song becomes its `Outcome`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from .crate_index import StemFolder, Wanted
from .errors import AudioFileError, ModelError, RtstemError
from .io.decode import AudioFile
from .io.part import PartFile
from .io.writer import FORMATS, DiskFullError
from .offline import split_file
from .resources import find_model

Told = Callable[[float], None]
"""Called with the seconds of audio that are done of a song."""


@dataclass(frozen=True)
class Settings:
    """What all songs of a crate have in common."""

    model: str
    """A shipped name or an absolute path."""
    model_hash: str
    format: str
    stems: tuple[str, ...]
    provider: str
    overwrite: bool

    def wanted(self, audio: str) -> Wanted:
        """The stem files of the audio file with that hash."""
        suffix = FORMATS[self.format].suffix
        return Wanted(
            audio, self.model_hash, self.format, tuple(stem + suffix for stem in self.stems)
        )


@dataclass(frozen=True)
class Job:
    """One song and the folder that its stems go to, both absolute."""

    source: Path
    folder: Path
    settings: Settings


@dataclass(frozen=True)
class Look:
    """What a song is like, before any work: content, length, and whether it is done."""

    audio: str = ""
    """SHA-256 of the file."""
    seconds: float = 0.0
    held: bool = False
    """Its stems are there, complete."""
    stamp: tuple[int, int] = (0, 0)
    """Size in bytes and time of the last change in ns."""
    error: str = ""
    exit_code: int = 0


@dataclass(frozen=True)
class Order:
    """A song to be done: separated, or with `donor` copied from the stems of equal audio."""

    job: Job
    look: Look
    donor: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How it went with one song."""

    source: Path
    result: Literal["separated", "copied", "kept", "failed"]
    seconds: float = 0.0
    """Length of the song."""
    elapsed: float = 0.0
    error: str = ""
    exit_code: int = 0
    hopeless: bool = False
    """The next song would fail in the same way: the disk is full."""
    notes: tuple[str, ...] = ()


def look(job: Job, _told: Told) -> Look:
    """Read the song once: can it be used, what is its content, is it done?"""
    try:
        with AudioFile(job.source) as audio:
            seconds = (audio.frames or 0) / audio.rate
        stamp = _stamp(job.source)
        digest = file_hash(job.source)
        held = StemFolder(job.folder).holds(job.settings.wanted(digest))
        return Look(digest, seconds, held and not job.settings.overwrite, stamp)
    except Exception as error:
        return Look(error=_line(error), exit_code=_exit_code(error))


def fulfil(order: Order, told: Told) -> Outcome:
    """Separate or copy one song into its folder, unless its stems are there."""
    began = time.perf_counter()
    source, wanted = order.job.source, order.job.settings.wanted(order.look.audio)
    notes: tuple[str, ...] = ()
    try:
        stems = StemFolder(order.job.folder)
        again = order.job.settings.overwrite
        if stems.holds(wanted) and not again:
            return Outcome(source, "kept", order.look.seconds)
        if (foreign := stems.foreign(wanted)) and not again:
            raise AudioFileError(
                f"{foreign}: exists already and is not from here; choose another folder or "
                "overwrite it (--overwrite)"
            )
        stems.begin(wanted)
        try:
            if order.donor is None:
                notes = _separate(order, told)
            else:
                _copy(order, wanted)
            stems.complete(wanted)
        except BaseException:
            with suppress(OSError):
                stems.abandon(wanted)
            raise
    except Exception as error:
        hopeless = isinstance(error, DiskFullError)
        return failed(source, _line(error), _exit_code(error), hopeless, order.look.seconds)
    result: Literal["separated", "copied"] = "copied" if order.donor else "separated"
    elapsed = time.perf_counter() - began
    return Outcome(source, result, order.look.seconds, elapsed, notes=notes)


def failed(
    source: Path, line: str, exit_code: int, hopeless: bool = False, seconds: float = 0.0
) -> Outcome:
    """The outcome of a song that could not be done."""
    return Outcome(source, "failed", seconds, error=line, exit_code=exit_code, hopeless=hopeless)


@lru_cache(maxsize=4)
def model_hash(model: str) -> str:
    """SHA-256 of a model file, read once a process; raises ModelError."""
    path = find_model(model)
    try:
        return file_hash(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from None


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _separate(order: Order, told: Told) -> tuple[str, ...]:
    job, settings = order.job, order.job.settings
    if model_hash(settings.model) != settings.model_hash:
        raise ModelError(
            f"{settings.model}: is another model on this machine; install the same rtstem, or give "
            "the path of a model file that all machines share"
        )

    def progress(done: int, total: int) -> None:
        told(order.look.seconds * done / total)

    report = split_file(
        job.source,
        job.folder.parent,
        settings.model,
        settings.provider,
        settings.format,
        settings.stems,
        job.folder.name,
        overwrite=True,
        progress=progress,
    )
    if _stamp(job.source) != order.look.stamp:
        for path in report.files.values():
            path.unlink()
        raise AudioFileError(f"{job.source}: changed while it was read; run the command again")
    return report.notes


def _copy(order: Order, wanted: Wanted) -> None:
    assert order.donor is not None
    parts: list[PartFile] = []
    try:
        for name in wanted.files:
            parts.append(PartFile(order.job.folder / name))
            parts[-1].create()
            shutil.copyfile(order.donor / name, parts[-1].path)
        for part in parts:
            part.publish()
    finally:
        for part in parts:
            part.discard()


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _line(error: Exception) -> str:
    if isinstance(error, RtstemError):
        return str(error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return f"internal error: {type(error).__name__}: {error} (a bug: please report it)"


def _exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, RtstemError) else 1
