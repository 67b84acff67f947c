"""The delay of the engine, as arithmetic: it is computed once, shown, and never changes while running.

Frame `i` of the output is frame `i - frames` of the input. The terms:

- synthesis: a hop of stems is complete when the synthesis window that begins with it has been heard
  (hop accumulation included), plus the model's look-ahead;
- alignment: blocks that do not divide the hop end a hop in their middle, up to `block - gcd` frames
  before the callback in which the worker hears of it;
- safety: waiting time granted to the inference thread beyond one block;
- guard: the mixer wants this many frames ahead, so that it can fade to the dry signal before a gap;
- clocks: the ring and the resampler in front of all this, where the input has a clock of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FADE_FRAMES = 64
"""Length of the crossfade between stems and dry signal, in frames."""


@dataclass(frozen=True)
class Latency:
    """Parts of the engine's delay in frames at `rate` Hz; `device` is the host's own share."""

    rate: int
    block: int
    synthesis: int
    alignment: int
    safety: int
    guard: int = FADE_FRAMES
    clocks: int = 0
    device: int = 0

    @property
    def frames(self) -> int:
        """Input to output delay of the engine in frames, the one that a loop-back cable measures
        where the host adds none (JACK)."""
        return self.core + self.clocks

    @property
    def core(self) -> int:
        """The part of `frames` behind the input ring, which the callback keeps."""
        return self.synthesis + self.alignment + self.safety + self.guard

    @property
    def ms(self) -> float:
        """`frames` in milliseconds."""
        return 1000.0 * self.frames / self.rate

    @property
    def total_ms(self) -> float:
        """The engine's delay and the device's own buffers, in milliseconds."""
        return 1000.0 * (self.frames + self.device) / self.rate

    @property
    def deadline_frames(self) -> int:
        """Frames that pass between the callback that completes a hop and the first one that needs
        its stems: the time the inference thread has for a hop."""
        return self.block + self.safety

    def describe(self) -> str:
        """One line for people."""
        parts = (
            f"synthesis {self.synthesis} + alignment {self.alignment} + safety {self.safety}"
            f" + guard {self.guard}"
        )
        clocks = f" + clocks {self.clocks}" if self.clocks else ""
        device = f", device {self.device}" if self.device else ""
        return f"{self.ms:.1f} ms ({self.frames} frames: {parts}{clocks}{device})"


def engine_latency(
    *,
    rate: int,
    block: int,
    hop: int,
    synthesis_size: int,
    lookahead_hops: int = 0,
    safety_hops: float = 0.5,
    block_step: int | None = None,
    clocks: int = 0,
    device: int = 0,
) -> Latency:
    """The constant delay for blocks of at most `block` frames.

    `block_step` is the greatest common divisor of the frame counts the host was seen to use
    (1 if they vary freely, `block` if constant). Raises ValueError for sizes that are not positive.
    """
    if min(rate, block, hop, synthesis_size) <= 0 or safety_hops < 0:
        raise ValueError("rate, block, hop and synthesis_size must be positive, safety_hops >= 0")
    step = math.gcd(block_step or block, hop)
    return Latency(
        rate=rate,
        block=block,
        synthesis=synthesis_size + lookahead_hops * hop,
        alignment=max(0, block - step),
        safety=round(safety_hops * hop),
        clocks=clocks,
        device=device,
    )
