"""Write a set of audio files so that either all appear under their names, complete, or none.

Each file grows under a hidden temporary name in its own folder and is renamed after everything has
been written and checked. Whatever goes wrong before (an error, Ctrl-C) removes the temporaries.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy.typing as npt
import soundfile

from ..errors import AudioFileError
from .decode import libsndfile_name
from .part import PartFile

Samples = npt.NDArray[Any]
"""float32 or, for an integer format, int32."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SYSTEM_ERROR = 2  # libsndfile's SF_ERR_SYSTEM
_UPPER_24_BITS = 8  # where libsndfile wants 24-bit samples in an int32: shifted up by this
_WAV_LIMIT = 4_000_000_000  # a plain wav counts its bytes in 32 bits; RF64 is the wav beyond


class DiskFullError(AudioFileError):
    """The output could not be written to its end: disk, quota or file size limit."""

    exit_code = 1


@dataclass(frozen=True)
class Format:
    """How samples are kept: libsndfile's names, file suffix, and size of a sample."""

    major: str
    subtype: str
    suffix: str
    sample_bytes: int
    integer: bool
    """`write` takes 24-bit samples as int32, else float32."""


FORMATS = {
    "wav": Format("WAV", "FLOAT", ".wav", 4, integer=False),
    "wav24": Format("WAV", "PCM_24", ".wav", 3, integer=True),
    "flac": Format("FLAC", "PCM_24", ".flac", 3, integer=True),
}


class AudioFileSet:
    """Files written together, a context manager: leaving it publishes them, an error discards."""

    def __init__(
        self,
        targets: Mapping[str, Path],
        kind: Format,
        rate: int,
        channels: int,
        frames: int,
        overwrite: bool = False,
    ) -> None:
        """One file for each of `targets` (key -> final path); `frames`: the length to expect."""
        size = frames * channels * kind.sample_bytes
        self._space = 0 if kind.major == "FLAC" else size * len(targets)
        self._overwrite = overwrite
        self._files = {
            key: _File(target, kind, rate, channels, size) for key, target in targets.items()
        }
        self._new_folders: list[Path] = []

    def __enter__(self) -> Self:
        """Open a temporary file for each, making folders.

        Raises AudioFileError when a target exists and is not to be overwritten, or a folder cannot
        be written to; DiskFullError when an uncompressed format certainly does not fit.
        """
        try:
            for file in self._files.values():
                _check_target(file.target, self._overwrite)
                self._make_folder(file.target.parent)
            if self._space:
                _check_space(next(iter(self._files.values())).target.parent, self._space)
            for file in self._files.values():
                file.open()
        except BaseException:  # Ctrl-C too
            self._discard()
            raise
        return self

    def write(self, key: str, block: Samples) -> None:
        """Append [n, channels] samples to the file of `key`; raises DiskFullError."""
        self._files[key].write(block)

    def __exit__(self, kind: type[BaseException] | None, *_exc: object) -> None:
        try:
            if kind is None:
                for file in self._files.values():
                    file.finish()
                for file in self._files.values():
                    file.publish()
        finally:
            self._discard()

    def _make_folder(self, folder: Path) -> None:
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        try:
            for path in reversed(missing):
                path.mkdir()
                self._new_folders.append(path)
        except OSError as error:
            raise _refused(folder, error) from None

    def _discard(self) -> None:
        """Remove what was not published, and the folders made for it where they stay empty."""
        for file in self._files.values():
            file.discard()
        for folder in reversed(self._new_folders):
            with contextlib.suppress(OSError):
                folder.rmdir()


class _File:
    """One file under its temporary name."""

    def __init__(self, target: Path, kind: Format, rate: int, channels: int, size: int) -> None:
        self.target = target
        self._kind, self._rate, self._channels = kind, rate, channels
        self._major = "RF64" if kind.major == "WAV" and size > _WAV_LIMIT else kind.major
        self._part = PartFile(target)
        self._path = self._part.path
        self._sound: Any = None  # a soundfile.SoundFile once it is open
        self._frames = 0

    def open(self) -> None:
        try:
            self._part.create()  # the system's own reason, which libsndfile loses
        except OSError as error:
            raise _refused(self.target.parent, error) from None
        try:
            self._sound = soundfile.SoundFile(
                libsndfile_name(self._path),
                "w",
                samplerate=self._rate,
                channels=self._channels,
                format=self._major,
                subtype=self._kind.subtype,
            )
        except soundfile.LibsndfileError as error:
            if error.code == _SYSTEM_ERROR:
                raise self._failed() from None
            raise AudioFileError(
                f"{self.target}: {self._kind.suffix[1:]} cannot hold {self._channels} channels "
                f"at {self._rate} Hz; choose the format wav"
            ) from None

    def write(self, block: Samples) -> None:
        try:
            self._sound.write(block << _UPPER_24_BITS if self._kind.integer else block)
        except (soundfile.LibsndfileError, AssertionError):  # the latter for a short write
            raise self._failed() from None
        self._frames += len(block)

    def finish(self) -> None:
        """Close the file and make sure that all of it has arrived.

        The encoder writes its last block, and the system its cache, without telling us of errors.
        """
        self._sound.close()
        try:
            with self._path.open("rb+") as file:
                os.fsync(file.fileno())
            whole = self._frames == 0 or self._holds_last_frame()
        except (OSError, soundfile.LibsndfileError):
            whole = False
        if not whole:
            raise self._failed()

    def _holds_last_frame(self) -> bool:
        with soundfile.SoundFile(libsndfile_name(self._path)) as sound:
            if sound.frames != self._frames:
                return False
            sound.seek(self._frames - 1)
            return len(sound.read(1)) == 1

    def publish(self) -> None:
        try:
            self._part.publish()
        except OSError as error:
            raise _refused(self.target, error) from None

    def discard(self) -> None:
        if self._sound is not None:
            with contextlib.suppress(soundfile.LibsndfileError):
                self._sound.close()
        self._part.discard()

    def _failed(self) -> DiskFullError:
        """Why libsndfile could not write: asks the system by writing a little ourselves."""
        reason = "the system refused the data"
        try:
            with self._path.open("ab") as file:
                file.write(bytes(1 << 16))
        except OSError as error:
            if error.errno in _FULL:
                return _disk_full(self.target.parent, error.strerror)
            reason = error.strerror or reason
        return DiskFullError(
            f"{self.target}: cannot be written to its end ({reason}); choose another folder"
        )


def _check_target(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise AudioFileError(f"{target}: is a folder; move it away or choose another output folder")
    if target.exists() and not overwrite:
        raise AudioFileError(
            f"{target}: exists already; choose another folder or overwrite it (--overwrite)"
        )


def _check_space(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise _disk_full(folder, f"{size / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")


def _refused(folder: Path, error: OSError) -> AudioFileError:
    if error.errno in _FULL:
        return _disk_full(folder, error.strerror)
    return AudioFileError(
        f"{folder}: cannot be written to ({error.strerror}); choose another output folder"
    )


def _disk_full(folder: Path, reason: str | None) -> DiskFullError:
    return DiskFullError(
        f"{folder}: disk full ({reason}); free some space, choose another folder or the format flac"
    )
