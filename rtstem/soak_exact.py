"""Whether all that left a virtual output is the delayed input, bit for bit, for as long as it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .demo_report import measure_delay

if TYPE_CHECKING:
    from .io.loop import LoopReader

F32 = npt.NDArray[np.float32]
_PROBE_SECONDS = 3.0  # of the beginning, kept to look for the delay in


class ExactCheck:
    """A sink: of every block it takes the channels `pair` of a bus with all faders up.

    It reads the input once more through `reader`. `delay()` is what the engine declares in frames,
    `broken()` is True once frames were lost on the way in or out, where nothing can be compared.
    """

    def __init__(self, reader: LoopReader, pair: tuple[int, int]) -> None:
        self._reader, self._pair = reader, pair
        self._position = 0  # of the output, in frames
        self._out: list[F32] = []
        self._heard: list[F32] = []
        self.delay: Callable[[], int] = lambda: 0
        self.broken: Callable[[], bool] = lambda: False
        self.compared = self.bad = 0
        """Frames compared so far, and those of them that differ."""
        self.gave_up = self._ended = False

    def end(self) -> None:
        """Compare nothing from now on: the engine fades out when it stops."""
        self._ended = True

    def __call__(self, block: F32) -> None:
        """Raises AudioFileError where the input cannot be read again."""
        pair = block[:, list(self._pair)]
        if self._position < _PROBE_SECONDS * self._reader.rate:
            self._out.append(pair)
        silent = min(max(0, self.delay() - self._position), len(pair))
        self._position += len(pair)
        if not (self.gave_up or self._ended):
            self._compare(pair[:silent], np.zeros((silent, 2), np.float32))
            self._compare(pair[silent:], self._read(len(pair) - silent))

    def _read(self, frames: int) -> F32:
        """What the engine has heard: the same reader, the same cleaning."""
        audio = self._reader.read(frames)
        audio = np.where(np.isfinite(audio), audio, np.float32(0.0))
        if self._position <= _PROBE_SECONDS * self._reader.rate:
            self._heard.append(audio)
        return audio

    def _compare(self, out: F32, wanted: F32) -> None:
        bad = int(np.count_nonzero((out != wanted).any(axis=1)))
        if bad and self.broken():
            self.gave_up = True
            return
        self.compared += len(out)
        self.bad += bad

    def measured(self) -> int | None:
        """The delay in frames that is found in the first seconds; None for silence."""
        if not self._heard:
            return None
        heard, out = np.concatenate(self._heard), np.concatenate(self._out)
        return measure_delay(heard, out, self._reader.rate)

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()
