"""Writes what a tap gives to audio files and the log, aligned whatever happens."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import __version__
from ..errors import AudioFileError
from . import recording_log as log
from .recorded import RecordedEngine
from .recording_files import F32, FILE_KINDS, GrowingFile, RecordedFile

_SILENCE_FRAMES = 1 << 14
_FULL = (errno.ENOSPC, errno.EDQUOT)


class RecordingWriter:
    """The files of one recording. `take` and what follows raise OSError where the disk refuses."""

    def __init__(
        self, engine: RecordedEngine, folder: Path, names: Mapping[str, str], kind: str
    ) -> None:
        """Create the files and open the tap. `names`: channel pair (see Tap.channels) -> file name.

        Raises AudioFileError where that is not possible.
        """
        self.frames = self.lost = self.moves = 0
        self._engine, self._names = engine, names
        self._begun = False  # the header is written
        self._end = self._block = 0  # position behind the last frame; length of its block
        self._files: dict[str, RecordedFile] = {}
        try:
            self._model_sha256 = hashlib.sha256(engine.spec.path.read_bytes()).hexdigest()
            self._log = GrowingFile(folder / log.LOG_NAME)
            for channel, name in names.items():
                self._files[channel] = FILE_KINDS[kind](folder / name, engine.rate)
        except OSError as error:
            self._abandon()
            raise refused(folder, error) from None
        self._tap = engine.open_tap()

    def take(self) -> int:
        """Write the next frames, the log first (no audio without its moves); how many there were.

        Less than MAX_BLOCK means that no more are waiting.
        """
        tap = self._tap
        first, block = tap.read()
        changes = tap.changes()
        if not len(block):
            return 0
        lines = []
        if not self._begun:
            self._begun, self._end, self._block = True, first, int(block[0, -1])
            lines.append(self._header())
        gap, zero = first - self._end, self._end - self.frames
        if gap:
            lines.append(log.gap_line(self.frames, gap))
            self._block = 0  # where blocks begin must be told anew
        lines += self._block_lines(block[:, -1], first - zero)
        lines += [log.move_line(change.position - zero, change.scene) for change in changes]
        if tap.lost_changes:
            tap.lost_changes = False
            lines.append(log.lost_moves_line(first - zero))
        self._log.append("".join(lines).encode())
        self.moves += len(changes)
        self._fill(gap, block.shape[1])
        self._write(block)
        return len(block)

    def finish(self) -> None:
        """Complete the files and the log."""
        for file in self._files.values():
            file.close()
        if self._begun:
            self._log.append(self._totals(""))
        self._log.close()

    def give_up(self, why: str) -> None:
        """End with the frames that all files hold; raises nothing for a disk that refuses."""
        for file in self._files.values():
            with contextlib.suppress(OSError, ValueError):  # the latter: it is closed already
                file.keep(self.frames)
        with contextlib.suppress(OSError, ValueError):
            self._log.append(self._totals(why))
            self._log.close()

    def close_tap(self) -> None:
        """Let the engine forget us; the last call."""
        self._tap.close()

    def _fill(self, gap: int, columns: int) -> None:
        """Silence for frames that were lost, so that the files stay aligned."""
        self.lost += gap
        for first in range(0, gap, _SILENCE_FRAMES):
            silence = np.zeros((min(_SILENCE_FRAMES, gap - first), columns), np.float32)
            self._write(silence)

    def _write(self, block: F32) -> None:
        for number, channel in enumerate(self._tap.channels):
            if channel in self._files:
                self._files[channel].append(block[:, 2 * number : 2 * number + 2])
        self.frames += len(block)
        self._end += len(block)

    def _block_lines(self, lengths: F32, at: int) -> list[str]:
        """Log lines where the blocks' length changes, `lengths` [n] being those from `at` on."""
        lines = []
        for offset in np.flatnonzero(lengths):
            length = int(lengths[offset])
            if length != self._block:
                self._block = length
                lines.append(log.block_line(at + int(offset), length))
        return lines

    def _header(self) -> str:
        engine, tap = self._engine, self._tap
        return log.header_line(
            log.Header(
                program=__version__,
                started=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                model=engine.spec.name,
                model_sha256=self._model_sha256,
                rate=engine.rate,
                latency=engine.latency.frames,
                stems=engine.spec.stems,
                buses=dict(zip(engine.bus_names, tap.filtered, strict=True)),
                files=self._names,
                slew=tap.slew_frames,
                block=self._block,
                scene=tap.first_scene,
                gains=tap.first_gains,
                knobs=tap.first_knobs,
                filters=tap.first_filters,
            )
        )

    def _totals(self, stopped: str) -> bytes:
        return log.totals_line(log.Totals(self.frames, self.lost, self.moves, stopped)).encode()

    def _abandon(self) -> None:
        for file in self._files.values():
            with contextlib.suppress(OSError):
                file.close()


def refused(folder: Path, error: OSError) -> AudioFileError:
    """The error for a folder that takes no recording."""
    return AudioFileError(
        f"{error.filename or folder}: cannot be written to ({reason(error)}); "
        "choose another folder to record to"
    )


def reason(error: OSError) -> str:
    """Why the system took no more, in words."""
    full = "disk full: " if error.errno in _FULL else ""
    return f"{full}{error.strerror or error}"
