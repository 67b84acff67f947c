"""The reading side of the tap: what the engine plays, block by block, and the scenes it played."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..rt import board as b
from ..rt.atomics import observe, publish
from ..rt.board import Board
from ..rt.tap import read_tap

F32 = npt.NDArray[np.float32]
TAP_FRAMES = 1 << 17  # 3 s that a writer may be late


@dataclass(frozen=True)
class SceneChange:
    """From output frame `position` on (input numbering) `scene` [B + 1, S + 1] was the target."""

    position: int
    scene: F32


class Tap:
    """Reader of a running engine's dry signal, stems and buses, in one thread.

    `channels` names what the columns of a block are, two each: dry, the stems, the buses.
    """

    def __init__(self, board: Board, stems: tuple[str, ...], buses: tuple[str, ...]) -> None:
        """Open the tap; `first_scene` and `first_gains` are those in force."""
        self.channels = ("dry", *(f"stem.{s}" for s in stems), *(f"bus.{n}" for n in buses))
        self._board = board
        self._position = b.NOWHERE
        self.lost = 0
        """Frames that were overwritten before they were read."""
        self._skip_events()
        self.first_scene = board.scenes[int(observe(board.header, b.SCENE_HEAD)) % b.SCENES].copy()
        self.first_gains = board.gain.copy()
        self._tap = board.open_tap(TAP_FRAMES)
        self._block = np.empty((b.MAX_BLOCK, self._tap.shape[1]), np.float32)

    def read(self) -> tuple[int, F32]:
        """Position of the first frame and a block [n, 2 * len(channels)], n = 0 where none is new.

        After a loss the position jumps; `lost` has grown by the gap then.
        """
        h = self._board.header
        if self._position == b.NOWHERE:
            if h[b.TAP_FROM] == b.NOWHERE:
                return 0, self._block[:0]
            self._position = int(h[b.TAP_FROM])
        first, count = read_tap(self._tap, h, self._position, self._block)
        self.lost += first - self._position
        self._position = first + count
        return first, self._block[:count].copy()

    def changes(self) -> list[SceneChange]:
        """Scene changes since the last call, in order. Call it at least every 10 ms in a flood."""
        h = self._board.header
        found = []
        for number in range(int(h[b.EVENT_TAIL]), int(observe(h, b.EVENT_HEAD))):
            position, scene = self._board.events[number % b.EVENTS]
            found.append(SceneChange(int(position), self._board.scenes[scene % b.SCENES].copy()))
            publish(h, b.EVENT_TAIL, number + 1)
        return found

    def _skip_events(self) -> None:
        h = self._board.header
        publish(h, b.EVENT_TAIL, int(observe(h, b.EVENT_HEAD)))

    def close(self) -> None:
        """Let the callback forget the tap."""
        publish(self._board.header, b.TAP_ON, 0)
