"""What each stem sounds like now, in bands: for eyes, at their pace, away from the audio.

Who never calls `read` pays nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..rt.board import Board
from ..rt.spectrum import look

BANDS = 32
LOWEST_HZ, HIGHEST_HZ = 30.0, 16_000.0
FLOOR_DB = -80.0
_FRAMES = 2048  # at least so many are looked at: bins of 21 Hz at 44.1 kHz


def band_edges(rate: int, frames: int) -> npt.NDArray[np.int64]:
    """`[BANDS + 1]` bins of a transform of `frames` between which the bands lie, even in mel."""
    hz = np.array([LOWEST_HZ, min(HIGHEST_HZ, 0.45 * rate)])
    low, high = np.log1p(hz / 700)
    even = 700 * np.expm1(np.linspace(low, high, BANDS + 1))
    return np.round(even * frames / rate).astype(np.int64)


class StemSpectrum:
    """The stems as they are heard now, behind the first bus's faders like their meters."""

    def __init__(self, board: Board, rate: int) -> None:
        """rate: Hz. Reads `board` whenever asked, in one thread; compiles now."""
        self._board = board
        frames = -(-_FRAMES // board.hop) * board.hop
        window = np.hanning(frames)
        # A sine of full scale in both channels is 0 dB: the window spreads its power over 1.5 bins.
        self._window = (window / (window.sum() * np.sqrt(1.5))).astype(np.float32)
        self._frames_scratch = np.empty((board.stems, frames), np.float32)
        self._spectra_scratch = np.empty((board.stems, frames // 2 + 1), np.complex64)
        self._axes = np.array([1])
        self._edges = band_edges(rate, frames)
        self.read()

    def read(self) -> npt.NDArray[np.uint8]:
        """`[S, BANDS]` levels: 0 for FLOOR_DB and less, 255 for a sine of full scale, even in dB.

        Where a stem was late, so that the dry signal was heard, it is silent.
        """
        board = self._board
        levels = np.empty((board.stems, BANDS), np.uint8)
        look(
            board.header,
            board.stem_ring,
            board.stamps,
            board.gain[0],
            self._window,
            self._frames_scratch,
            self._spectra_scratch,
            self._axes,
            self._edges,
            FLOOR_DB,
            levels,
        )
        return levels
