"""Streaming sample-rate conversion and the queue between blocks of different sizes."""

from __future__ import annotations

from collections import deque

import numpy as np
import soxr

from .decode import Audio

_QUALITY = "VHQ"  # 28 bits: below float32's own rounding, and still under 1 % of a core


class Resampler:
    """Converts `channels` from `source` to `target` Hz block by block; equal rates pass through.

    The output is aligned with the input (soxr takes its filter's delay out) and in total
    round(frames * target / source) frames long, give or take one. `identity`: the rates are equal.
    """

    def __init__(self, source: int, target: int, channels: int) -> None:
        self.identity = source == target
        self._channels = channels
        self._stream = (
            None
            if self.identity
            else soxr.ResampleStream(source, target, channels, dtype="float32", quality=_QUALITY)
        )

    def process(self, block: Audio) -> Audio:
        """float32 [n, channels] in, what is ready of the output (possibly nothing) out."""
        return self._run(block, last=False)

    def flush(self) -> Audio:
        """The rest of the output after the last block."""
        return self._run(np.empty((0, self._channels), np.float32), last=True)

    def _run(self, block: Audio, last: bool) -> Audio:
        if self._stream is None:
            return block
        out: Audio = self._stream.resample_chunk(block, last=last)
        return out


class FrameQueue:
    """First in, first out, along axis 0, for float32 [n, channels] blocks of any length."""

    def __init__(self, channels: int) -> None:
        self._empty = np.empty((0, channels), np.float32)
        self._blocks: deque[Audio] = deque()
        self._frames = 0

    def __len__(self) -> int:
        return self._frames

    def push(self, block: Audio) -> None:
        """Append `block`; it is kept, not copied, and must not be written to afterwards."""
        if len(block):
            self._blocks.append(block)
            self._frames += len(block)

    def take(self, frames: int) -> Audio:
        """Remove and return the oldest `frames` frames, or all there are when fewer."""
        parts, missing = [self._empty], min(frames, self._frames)
        self._frames -= missing
        while missing:
            block = self._blocks.popleft()
            if len(block) > missing:
                self._blocks.appendleft(block[missing:])
                block = block[:missing]
            parts.append(block)
            missing -= len(block)
        return parts[1] if len(parts) == 2 else np.concatenate(parts)
