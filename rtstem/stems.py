"""The streaming core of offline separation: blocks of a recording in, aligned stem blocks out.

Memory does not grow with the length of the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .exact_sum import complete, others_of, residual_index
from .io.decode import Audio
from .io.resample import FrameQueue, Resampler
from .model_spec import ModelSpec
from .rt.separator import Separator

_LOUDEST = 2.0**60  # beyond it float32 overflows in the model; such a sample is damage, not audio
_BLOCK_HOPS = 32  # the model's call a hop is the work; numpy's own cost a block is spread thin
_PAIR = 2


class StemStream:
    """Separates one recording block by block, at its own rate and channel count.

    Rates that the model serves run natively; others are resampled for the model, and its stems
    back. Channels go through the model in pairs, each with its own state; an odd last one (or
    mono) is doubled before and averaged after.
    """

    def __init__(
        self, spec: ModelSpec, rate: int, channels: int, open_separator: Callable[[], Separator]
    ) -> None:
        """`open_separator` is called once a pair; `close` closes what it gave."""
        native = rate if rate in spec.rates else spec.sample_rate
        self.residual = residual_index(spec.stems)
        self.block_frames = max(1, _BLOCK_HOPS * spec.hop * rate // native)
        """Good length of the blocks for `run`."""
        self.nonfinite = 0
        """Samples of the recording that were NaN, infinite or beyond 2^60, and became 0."""
        self._dry = FrameQueue(channels)
        self._lanes: list[_Lane] = []
        for first in range(0, channels, _PAIR):
            pair = slice(first, min(first + _PAIR, channels))
            self._lanes.append(_Lane(spec, open_separator(), rate, native, pair))

    @property
    def provider(self) -> str:
        """The ONNX Runtime execution provider in use."""
        return self._lanes[0].provider

    def run(self, blocks: Iterable[Audio]) -> Iterator[tuple[Audio, Audio]]:
        """Blocks [n, channels] in; pairs of dry [m, channels] and stems [S, m, channels] out.

        The dry parts in a row are the recording without its non-finite samples, and the stems
        sum to them (see exact_sum.complete). Other block lengths, in total the same. Raises
        EngineError where the model fails.
        """
        for block in blocks:
            clean = self._clean(block)
            self._dry.push(clean)
            kept = np.concatenate([lane.feed(clean) for lane in self._lanes], axis=2)
            yield from self._complete(kept)
        kept = np.concatenate([lane.finish() for lane in self._lanes], axis=2)
        yield from self._complete(_fit(kept, len(self._dry)))

    def close(self) -> None:
        """Close the separators."""
        for lane in self._lanes:
            lane.close()

    def _clean(self, block: Audio) -> Audio:
        bad = ~(np.abs(block) < _LOUDEST)  # NaN compares false
        count = int(np.count_nonzero(bad))
        if not count:
            return block
        self.nonfinite += count
        return np.where(bad, np.float32(0), block)

    def _complete(self, kept: Audio) -> Iterator[tuple[Audio, Audio]]:
        if kept.shape[1]:
            dry = self._dry.take(kept.shape[1])
            yield dry, complete(dry, kept, self.residual)


class _Lane:
    """One pair of channels (or the odd last one) on its way through its own separator.

    Gives the stems that the model makes, without the residual: [S - 1, n, channels of the lane],
    aligned with the lane's input.
    """

    def __init__(
        self, spec: ModelSpec, separator: Separator, rate: int, native: int, pair: slice
    ) -> None:
        self.provider = separator.provider
        self._separator = separator
        self._pair = pair
        self._width = pair.stop - pair.start
        self._hop = spec.hop
        self._kept = others_of(residual_index(spec.stems), len(spec.stems))
        self._down = Resampler(rate, native, self._width)
        self._up = Resampler(native, rate, self._width * len(self._kept))
        self._waiting = FrameQueue(self._width)  # less than a hop, at the model's rate
        self._skip = separator.delay_frames  # of the output, before the first aligned frame
        self._owed = 0  # frames fed whose stems have not come out

    def feed(self, block: Audio) -> Audio:
        """Stems that are ready after the recording's next `block` [n, all channels]."""
        self._push(self._down.process(block[:, self._pair]))
        whole = len(self._waiting) // self._hop * self._hop
        return self._restore(self._separate(whole), last=False)

    def finish(self) -> Audio:
        """The rest of the stems; zeros follow the recording until the model has let go of it."""
        self._push(self._down.flush())
        missing = self._skip + self._owed
        whole = -(-missing // self._hop) * self._hop
        self._waiting.push(np.zeros((whole - len(self._waiting), self._width), np.float32))
        return self._restore(self._separate(whole), last=True)

    def close(self) -> None:
        self._separator.close()

    def _push(self, audio: Audio) -> None:
        self._waiting.push(audio)
        self._owed += len(audio)

    def _separate(self, frames: int) -> Audio:
        """Run whole hops; the aligned part of the result, [S - 1, n, width]."""
        if not frames:
            return np.empty((len(self._kept), 0, self._width), np.float32)
        audio = self._waiting.take(frames)
        if self._width == 1:
            audio = np.repeat(audio, _PAIR, axis=1)
        stems = self._separator.process(audio)[self._kept]
        skipped = min(self._skip, frames)
        self._skip -= skipped
        stems = stems[:, skipped : skipped + self._owed]
        self._owed -= stems.shape[1]
        return stems.mean(axis=2, keepdims=True) if self._width == 1 else stems

    def _restore(self, stems: Audio, last: bool) -> Audio:
        """Back to the recording's rate: [S - 1, n, width] to [S - 1, m, width]."""
        if self._up.identity:
            return stems
        count, frames, width = stems.shape
        audio = self._up.process(stems.transpose(1, 0, 2).reshape(frames, count * width))
        if last:
            audio = np.concatenate([audio, self._up.flush()])
        restored = audio.reshape(len(audio), count, width).transpose(1, 0, 2)
        return np.ascontiguousarray(restored)  # numpy is 100 times slower on the transposed view


def _fit(kept: Audio, frames: int) -> Audio:
    """Cut or fill with silence: resampling there and back may miss the length by a frame."""
    kept = kept[:, :frames]
    return np.pad(kept, ((0, 0), (0, frames - kept.shape[1]), (0, 0)))
