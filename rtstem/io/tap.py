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
    `filtered`: whether a bus hears the filter knobs; `slew_frames`: frames of a ramp from 0 to 1.
    The first block was mixed from `first_scene` [B + 1, S + 1], `first_gains` [B, S + 1],
    `first_knobs` [S] and `first_filters` [S, 2, 2] (the filters' memory), once `read` has given it.
    """

    first_scene: F32
    first_gains: F32
    first_knobs: F32
    first_filters: F32

    def __init__(self, board: Board, stems: tuple[str, ...], buses: tuple[str, ...]) -> None:
        """Open the tap: the callback fills it from its next block on."""
        self.channels = ("dry", *(f"stem.{s}" for s in stems), *(f"bus.{n}" for n in buses))
        self.filtered = tuple(bool(hears) for hears in board.route[:, 2])
        self.slew_frames = int(board.header[b.SLEW_FRAMES])
        self._board = board
        self._from = self._position = b.NOWHERE
        self.lost = 0
        """Frames that were overwritten before they were read."""
        self.lost_changes = False
        """Some scene changes were overwritten; the last one was not."""
        self._skip_events()
        self._tap = board.open_tap(TAP_FRAMES)
        self._block = np.empty((b.MAX_BLOCK, self._tap.shape[1]), np.float32)

    def read(self) -> tuple[int, F32]:
        """Position of the first frame and a block [n, 2 * len(channels) + 1], n = 0: nothing new.

        The last column holds the length of each of the callback's blocks at its first frame, and 0
        elsewhere. After a loss the position jumps; `lost` has grown by the gap then.
        """
        h = self._board.header
        if self._position == b.NOWHERE:
            self._position = self._from = int(observe(h, b.TAP_FROM))
            if self._position == b.NOWHERE:
                return 0, self._block[:0]
            self._take_start()
        first, count = read_tap(self._tap, h, self._position, self._block)
        self.lost += first - self._position
        self._position = first + count
        return first, self._block[:count].copy()

    def _take_start(self) -> None:
        stems, buses = self._board.stems, self._board.buses
        row = stems + 1
        sizes = ((buses + 1) * row, buses * row, stems)
        start = self._board.tap_start.copy()
        scene, gains, self.first_knobs, filters = np.split(start, np.cumsum(sizes))
        self.first_scene, self.first_gains = scene.reshape(-1, row), gains.reshape(-1, row)
        self.first_filters = filters.reshape(stems, 2, 2)

    def changes(self) -> list[SceneChange]:
        """Scene changes since the last call, in order, but for those before the first block.

        Called after `read`, it knows all that moved in the blocks read.
        """
        h, scenes = self._board.header, self._board.scenes
        found: list[SceneChange] = []
        if self._from == b.NOWHERE:
            return found
        tail, head = int(h[b.EVENT_TAIL]), int(observe(h, b.EVENT_HEAD))
        for number in range(tail, head):
            position, scene = self._board.events[number % b.EVENTS]
            change = SceneChange(int(position), scenes[scene % b.SCENES].copy())
            publish(h, b.EVENT_TAIL, number + 1)
            if observe(h, b.SCENE_HEAD) - scene >= b.SCENES - 1:
                self.lost_changes = True  # overwritten meanwhile; newer ones follow
            elif position > self._from:
                found.append(change)
        if head - tail == b.EVENTS:  # there was no room for more
            self.lost_changes = True
            now = scenes[h[b.SCENE_SEEN] % b.SCENES].copy()
            found.append(SceneChange(int(observe(h, b.TAP_HEAD)), now))
        return found

    def _skip_events(self) -> None:
        h = self._board.header
        publish(h, b.EVENT_TAIL, int(observe(h, b.EVENT_HEAD)))

    def close(self) -> None:
        """Let the callback forget the tap."""
        publish(self._board.header, b.TAP_ON, 0)
