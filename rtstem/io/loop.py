"""A file or folder without an end: it begins anew when it is over, without a gap."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .decode import Audio
from .files import open_reader


class LoopReader:
    """Stereo frames of `path` over and over; `rate` in Hz as in FileReader."""

    def __init__(self, path: str | Path, rate: int | None = None) -> None:
        """Open `path`; raises AudioFileError."""
        self._reader = open_reader(path, rate)
        self.path, self.rate = Path(path), self._reader.rate

    def read(self, frames: int) -> Audio:
        """The next `frames` frames, float32 [n, 2]; raises AudioFileError once the file is gone."""
        parts: list[Audio] = []
        missing = frames
        while missing:
            part = self._reader.read(missing)
            parts.append(part)
            missing -= len(part)
            if missing:
                self._reader.close()
                self._reader = open_reader(self.path, self.rate)
        return np.concatenate(parts) if parts else np.empty((0, 2), np.float32)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._reader.close()
