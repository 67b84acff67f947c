"""The engine's mix of one bus, run again outside it: same blocks, same compiled functions, same bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

from .control.recording_log import RecordingLog
from .io.decode import Audio
from .io.resample import FrameQueue
from .rt.board import MAX_BLOCK
from .rt.filter import filter_stem
from .rt.mixer import mix_bus


def block_lengths(log: RecordingLog) -> Iterator[int]:
    """Lengths of the callback's blocks from the first recorded frame on, without an end."""
    changes = [(0, log.header.block), *log.blocks]
    for (at, length), (end, _) in pairwise(changes):
        for start in range(at, end, length):
            yield min(length, end - start)
    while True:
        yield changes[-1][1]


class Remix:
    """Mixes bus `number` of a recording, block after block, with the moves of its log."""

    def __init__(self, log: RecordingLog, number: int) -> None:
        header = log.header
        stems = len(header.stems)
        self._number, self._stems = number, stems
        self._rate, self._slew = header.rate, header.slew
        self._hears_filters = tuple(header.buses.values())[number]
        self._lengths = block_lengths(log)
        self._moves = [(0, header.scene), *log.moves][::-1]  # the next one last
        self._position = 0
        self._gains = header.gains[number].copy()
        self._knobs, self._memory = header.knobs.copy(), header.filters.copy()
        self._dry, self._bus = (np.zeros((2, MAX_BLOCK), np.float32) for _ in range(2))
        self._wet, self._delta = (np.zeros((stems, 2, MAX_BLOCK), np.float32) for _ in range(2))
        self._filtered = np.zeros(stems, np.float32)

    def run(self, audio: Iterable[Audio]) -> Iterator[Audio]:
        """Dry signal and stems [n, 2 + 2 S] in, the bus [m, 2] out, in total the same length."""
        queue = FrameQueue(2 + 2 * self._stems)
        wanted = next(self._lengths)
        for chunk in audio:
            queue.push(chunk)
            mixed = []
            while len(queue) >= wanted:
                mixed.append(self._block(queue.take(wanted)))
                wanted = next(self._lengths)
            if mixed:
                yield np.concatenate(mixed)
        if len(queue):
            yield self._block(queue.take(len(queue)))

    def _block(self, audio: Audio) -> Audio:
        frames = len(audio)
        self._dry[:, :frames] = audio[:, :2].T
        self._wet[:, :, :frames] = audio[:, 2:].T.reshape(self._stems, 2, frames)
        while self._moves and self._moves[-1][0] <= self._position:
            self._scene = self._moves.pop()[1]
        self._filter(frames)
        mix_bus(
            *(self._dry, self._wet, self._delta, self._filtered, frames, self._gains),
            *(self._scene[self._number], self._slew, self._bus),
        )
        self._position += frames
        return self._bus[:, :frames].T.copy()

    def _filter(self, frames: int) -> None:
        """What the callback's `_filter` does, for a bus that hears the filters."""
        if not self._hears_filters:
            return
        for s, target in enumerate(self._scene[-1, :-1]):
            before = self._knobs[s]
            self._filtered[s] = before != 0 or target != 0
            self._knobs[s] = filter_stem(
                *(self._wet[s], frames, before, target, self._slew, self._rate),
                *(self._memory[s], self._delta[s]),
            )
