"""Audio files and folders as the input of the live engine: stereo, at the engine's rate, streamed.

Both readers decode ahead by one block only, so memory does not depend on the length of the file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import AudioFileError
from .decode import SUFFIXES, Audio, AudioFile, Warn, silent
from .resample import FrameQueue, Resampler

_DECODE_FRAMES = 16_384  # libsndfile seeks once a read: small reads would spend their time there
_STEREO = 2


class FileReader:
    """One audio file as a stream of stereo frames.

    `rate` is what `read` delivers in Hz (the file's own when none was asked for), `file_rate`
    what the file holds, `seconds` its length by its header (0.0 when that does not say).
    """

    def __init__(self, path: str | Path, rate: int | None = None, warn: Warn = silent) -> None:
        """Open `path`; raises AudioFileError for a file that cannot be used."""
        self._file = AudioFile(path, warn)
        self.path = self._file.path
        self.file_rate = self._file.rate
        self.rate = rate or self.file_rate
        self.seconds = (self._file.frames or 0) / self.file_rate
        self._resampler = Resampler(self.file_rate, self.rate, _STEREO)
        self._ready = FrameQueue(_STEREO)
        self._ended = False
        try:
            self._fill(1)  # a file without a single good sample must fail here, not on the air
        except AudioFileError:
            self.close()
            raise

    def read(self, frames: int) -> Audio:
        """The next at most `frames` frames, float32 [n, 2]; fewer, then none, at the end.

        Mono is doubled; of more than two channels the first two are taken.
        """
        self._fill(frames)
        return self._ready.take(frames)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()

    def _fill(self, frames: int) -> None:
        while len(self._ready) < frames and not self._ended:
            block = self._file.read(_DECODE_FRAMES)
            self._ended = not len(block)
            self._ready.push(
                self._resampler.flush() if self._ended else self._resampler.process(_stereo(block))
            )


class FolderReader:
    """The audio files of a folder one after another, without a gap, in natural order of names.

    Files that cannot be read are skipped and told to `warn`. `rate` as in FileReader; when none
    is asked for it is that of the first readable file.
    """

    def __init__(self, path: str | Path, rate: int | None = None, warn: Warn = silent) -> None:
        """Open the first readable file; raises AudioFileError when the folder has none."""
        self.path = Path(path)
        self._warn = warn
        self._waiting = _audio_files(self.path)
        self._paths = list(self._waiting)
        self._rate = rate
        self._current = self._next()
        if self._current is None:
            raise AudioFileError(
                f"{path}: no audio file in this folder can be read; put wav, flac, ogg or mp3 "
                "files into it"
            )
        self.rate = self._rate = self._current.rate
        self.file_rate = self._current.file_rate

    @property
    def seconds(self) -> float:
        """Length of all readable files together; opens each one, so ask for it once."""
        return sum(map(_seconds, self._paths))

    def read(self, frames: int) -> Audio:
        """The next at most `frames` frames, float32 [n, 2]; fewer, then none, at the very end."""
        parts = [np.empty((0, _STEREO), np.float32)]
        missing = frames
        while missing and self._current is not None:
            part = self._current.read(missing)
            parts.append(part)
            if len(part) < missing:
                self._current.close()
                self._current = self._next()
            missing -= len(part)
        return np.concatenate(parts)

    def close(self) -> None:
        """Close the file that is being read; a second call does nothing."""
        if self._current is not None:
            self._current.close()

    def _next(self) -> FileReader | None:
        while self._waiting:
            try:
                return FileReader(self._waiting.pop(0), self._rate, self._warn)
            except AudioFileError as error:
                self._warn(f"skipped: {error}")
        return None


def open_reader(
    path: str | Path, rate: int | None = None, warn: Warn = silent
) -> FileReader | FolderReader:
    """The reader for `path`, a file or a folder; raises AudioFileError."""
    return (FolderReader if Path(path).is_dir() else FileReader)(path, rate, warn)


def _stereo(block: Audio) -> Audio:
    if block.shape[1] == 1:
        return np.repeat(block, _STEREO, axis=1)
    return block[:, :_STEREO]


def _audio_files(folder: Path) -> list[Path]:
    """The files of `folder` with the suffix of an audio format; hidden ones are left out."""
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise AudioFileError(
            f"{folder}: cannot be read ({error.strerror}); check its permissions"
        ) from None
    files = [
        entry
        for entry in entries
        if entry.suffix.lower() in SUFFIXES and not entry.name.startswith(".") and entry.is_file()
    ]
    return sorted(files, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts `track 2` before `track 10`."""
    words = re.split(r"(\d+)", path.name.casefold())
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in words]


def _seconds(path: Path) -> float:
    try:
        with AudioFile(path) as file:
            return (file.frames or 0) / file.rate
    except AudioFileError:
        return 0.0
