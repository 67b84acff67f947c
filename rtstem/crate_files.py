"""The songs of a library and the folders that their stems get: the same tree, a folder a song."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .crate_index import SIDECAR
from .io.decode import SUFFIXES
from .offline import different, folder_name


@dataclass(frozen=True)
class Song:
    """One audio file of a library."""

    source: Path
    name: Path
    """Of the file, from the library's folder on."""
    folder: Path
    """Where its stems go, from the destination's folder on."""


def find_songs(library: Path, destination: Path) -> tuple[list[Song], list[tuple[Path, str]]]:
    """All audio files below `library` in order, and (folder, reason) for what cannot be read.

    Links are followed, each folder is visited once. Not looked at: hidden files and folders, the
    destination, and folders that hold the stems of a crate.
    """
    songs: list[Song] = []
    unread: list[tuple[Path, str]] = []
    for folder, names, subfolders in _folders(library, destination.resolve(), unread):
        below = folder.relative_to(library)
        chosen = _folder_names(names, subfolders)
        songs += [
            Song(folder / name, below / name, below / own)
            for name, own in zip(names, chosen, strict=True)
        ]
    return songs, unread


def _folders(
    library: Path, destination: Path, unread: list[tuple[Path, str]]
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """(folder, names of its audio files, names of its folders), each sorted."""

    def refused(error: OSError) -> None:
        unread.append((Path(error.filename), error.strerror or "cannot be read"))

    seen = {library.resolve(), destination}
    for place, folders, files in os.walk(library, onerror=refused, followlinks=True):
        folder = Path(place)
        kept = []
        for name in sorted(folders):
            real = (folder / name).resolve()
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        if SIDECAR not in files:
            yield folder, sorted(filter(_is_audio, files)), kept


def _is_audio(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _folder_names(names: list[str], subfolders: list[str]) -> list[str]:
    """`song` for song.mp3, but `song.mp3` beside a song.flac or a folder `song`.

    So that a name does not depend on the order of the files.
    """
    plain = [folder_name(Path(name)) for name in names]
    used = Counter(_same(name) for name in (*plain, *subfolders))
    return different(
        name.rstrip(". ") if used[_same(own)] > 1 else own
        for name, own in zip(names, plain, strict=True)
    )


def _same(name: str) -> str:
    """Equal for names that some file systems take for the same."""
    return unicodedata.normalize("NFC", name).casefold()
