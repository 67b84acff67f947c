"""Decode one audio file block by block: the only module that reads through libsndfile.

Every way in which a file can be bad ends here as one AudioFileError line, or as a warning and the
samples that could be read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import soundfile

from ..errors import AudioFileError

Audio = npt.NDArray[np.float32]
Warn = Callable[[str], None]

SUFFIXES = frozenset(
    {
        *(".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
        *(".aif", ".aiff", ".aifc", ".caf", ".au", ".snd"),
    }
)
"""File names that a folder is searched for; a single file may have any name."""

RATES = (1_000, 768_000)  # Hz; anything else is a broken header
MAX_CHANNELS = 64
_KINDS = "wav, flac, ogg, opus, mp3, aiff or caf"
# libsndfile's log tells what a chunk promised and what the file holds.
_SHORT_CHUNK = re.compile(r"(\d+) \(should be (\d+)\)")
# A recorder that writes into a pipe leaves "unknown" (all ones) as the size of its chunks, and an
# encoder that does so no length at all, which libsndfile reports as the largest number it has.
_UNKNOWN_BYTES = 0xFFFF_0000
_UNKNOWN_FRAMES = 1 << 48
_PADDING_BYTES = 16


def libsndfile_name(path: Path) -> str | bytes:
    """The name as libsndfile takes it: as bytes where they need not be UTF-8."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def silent(message: str) -> None:
    """The warning callback of a caller that does not listen."""


class AudioFile:
    """One audio file open for reading, a context manager.

    `rate` in Hz; `channels`; `frames` as the header promises them, None when it does not say. A
    damaged file can hold fewer: `warn` is told so, once.
    """

    def __init__(self, path: str | Path, warn: Warn = silent) -> None:
        """Open `path`. Raises AudioFileError when it cannot be an audio file with samples."""
        self.path = Path(path)
        self._warn = warn
        _check_file(self.path)
        self._sound = _open(self.path)
        self.rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        frames: int = self._sound.frames
        self.frames = frames if frames < _UNKNOWN_FRAMES else None
        self._position = 0
        self._ended = False
        try:
            self._check_header()
        except AudioFileError:
            self.close()
            raise

    def read(self, frames: int) -> Audio:
        """The next at most `frames` frames, float32 [n, channels]; empty at the end.

        Raises AudioFileError when the file breaks off before its first sample.
        """
        if self._ended:
            return np.empty((0, self.channels), np.float32)
        block = np.full((frames, self.channels), np.nan, np.float32)
        try:
            block = self._sound.read(frames, out=block)
        except soundfile.LibsndfileError:
            # The decoder fails after it has filled a part of the block: what is still NaN is lost.
            lost = np.isnan(block).any(axis=1)
            block = block[: int(lost.argmax()) if lost.any() else frames]
        self._position += len(block)
        if len(block) < frames:
            self._end()
        return block

    def blocks(self, frames: int) -> Iterator[Audio]:
        """The rest of the file in blocks of `frames` frames, the last one shorter."""
        while len(block := self.read(frames)):
            yield block

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._sound.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _check_header(self) -> None:
        if self.frames == 0:
            raise AudioFileError(f"{self.path}: holds no samples; record or export it again")
        if not RATES[0] <= self.rate <= RATES[1]:
            raise AudioFileError(
                f"{self.path}: sample rate {self.rate} Hz is not supported; "
                f"convert it to one of {RATES[0]} to {RATES[1]} Hz, such as 44100"
            )
        if self.channels > MAX_CHANNELS:
            raise AudioFileError(
                f"{self.path}: {self.channels} channels are not supported; "
                f"split it into files of at most {MAX_CHANNELS}"
            )
        for promised, found in _SHORT_CHUNK.findall(self._sound.extra_info):
            if int(found) + _PADDING_BYTES < int(promised) < _UNKNOWN_BYTES:
                self._warn(
                    f"{self.path}: truncated, {found} of {promised} bytes are there; "
                    "what is there is used"
                )
                break

    def _end(self) -> None:
        self._ended = True
        if self._position == 0:
            raise AudioFileError(
                f"{self.path}: no sample can be decoded, the file is truncated or damaged; "
                "copy or export it again"
            )
        if self.frames is not None and self._position < self.frames:
            self._warn(
                f"{self.path}: truncated or damaged, {self._position} of {self.frames} frames "
                "can be decoded; they are used"
            )


def _check_file(path: Path) -> None:
    """Refuse what is certainly no audio file: libsndfile's own messages do not say why."""
    try:
        if path.is_dir():
            raise AudioFileError(f"{path}: is a folder; give a file in it")
        if path.exists() and not path.is_file():
            raise AudioFileError(f"{path}: is not a regular file; save the audio to a file first")
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise AudioFileError(f"{path}: no such file; check the spelling") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioFileError(f"{path}: cannot be read ({reason}); check its permissions") from None
    if not head:
        raise AudioFileError(f"{path}: is empty (0 bytes); record or export it again")
    if all(byte in b"\t\n\r\f" or 32 <= byte < 127 for byte in head):
        raise AudioFileError(f"{path}: is a text file, not audio; give a {_KINDS} file")


def _open(path: Path) -> Any:
    try:
        return soundfile.SoundFile(libsndfile_name(path))
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(". ")
    except TypeError:  # the name says headerless samples (.raw), which need a rate from outside
        reason = "samples without a header"
    raise AudioFileError(
        f"{path}: cannot be decoded as audio ({reason}); convert it to {_KINDS}, "
        "for example with ffmpeg"
    )
