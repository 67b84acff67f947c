"""What has been separated: a small file, `rtstem.json`, in the folder of every song's stems.

It says of each stem file which audio (by content), model and format it was made from, and its size.
There is no index of the whole: nothing that breaks takes more than one song with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from .io.part import remove_stale, write_whole

SIDECAR = "rtstem.json"
_LONGEST = 1 << 20  # bytes; ours have a few hundred


class _Entry(BaseModel):
    audio: str
    model: str
    format: str
    size: int | None
    """In bytes; None while the file is being written."""


class _Record(BaseModel):
    version: Literal[1]
    files: dict[str, _Entry]


@dataclass(frozen=True)
class Wanted:
    """The stem files that a song shall have."""

    audio: str
    """SHA-256 of the audio file."""
    model: str
    """SHA-256 of the model file."""
    format: str
    files: tuple[str, ...]
    """Names with suffix."""


class StemFolder:
    """A folder of stems as its record tells of it; a record that cannot be read tells of nothing."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where the record is there and the system does not let it be read."""
        self.path = path
        self._broken = False
        self._entries: dict[str, _Entry] = {}
        try:
            with (path / SIDECAR).open("rb") as file:
                self._entries = _Record.model_validate_json(file.read(_LONGEST)).files
        except (FileNotFoundError, NotADirectoryError):
            pass
        except ValidationError:
            self._broken = True

    def audio(self) -> set[str]:
        """Hashes of the audio that its stems were made from."""
        return {entry.audio for entry in self._entries.values()}

    def holds(self, wanted: Wanted) -> bool:
        """True where all files wanted are there, complete."""
        expected = (wanted.audio, wanted.model, wanted.format)
        for name in wanted.files:
            entry = self._entries.get(name)
            if entry is None or (entry.audio, entry.model, entry.format) != expected:
                return False
            if entry.size is None or entry.size != _size(self.path / name):
                return False
        return True

    def foreign(self, wanted: Wanted) -> Path | None:
        """A file that bears the name of one wanted and is not from here."""
        if self._broken:
            return None
        strangers = (self.path / name for name in wanted.files if name not in self._entries)
        return next((path for path in strangers if path.exists()), None)

    def begin(self, wanted: Wanted) -> None:
        """Note, before the first of the files appears, that they are not complete.

        Makes the folder. Raises OSError.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._note(wanted, complete=False)

    def complete(self, wanted: Wanted) -> None:
        """Note that all files are there; raises OSError."""
        self._note(wanted, complete=True)

    def abandon(self, wanted: Wanted) -> None:
        """Take the note of `begin` back for the files that did not appear."""
        for name in wanted.files:
            if not (self.path / name).exists():
                self._entries.pop(name, None)
        if self._entries:
            self._write()
        else:
            (self.path / SIDECAR).unlink(missing_ok=True)
            if not any(self.path.iterdir()):
                self.path.rmdir()

    def _note(self, wanted: Wanted, complete: bool) -> None:
        for name in wanted.files:
            size = _size(self.path / name) if complete else None
            self._entries[name] = _Entry(
                audio=wanted.audio, model=wanted.model, format=wanted.format, size=size
            )
        self._write()

    def _write(self) -> None:
        record = _Record(version=1, files=self._entries)
        write_whole(self.path / SIDECAR, record.model_dump_json(indent=1).encode() + b"\n")


def stem_folders(destination: Path) -> Iterator[StemFolder]:
    """All folders with a record below `destination`."""
    for place, _, files in os.walk(destination):
        if SIDECAR in files:
            with suppress(OSError):  # told when its song is looked at
                yield StemFolder(Path(place))


def clean(destination: Path) -> None:
    """Remove the temporary files below `destination` whose writers are gone."""
    for place, _, files in os.walk(destination):
        for name in files:
            remove_stale(Path(place) / name)


def remove_empty(folder: Path, destination: Path) -> None:
    """Remove `folder` and those above it as far as they are empty, up to `destination`."""
    for path in (folder, *folder.parents):
        if path == destination or not path.is_relative_to(destination):
            return
        try:
            path.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
