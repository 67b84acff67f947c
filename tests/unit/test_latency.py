"""The delay as arithmetic, against a brute-force simulation of callbacks and hops."""

from __future__ import annotations

import math

import pytest

from rtstem.latency import FADE_FRAMES, engine_latency


def ready_after(consumed: int, hop: int, synthesis: int, lookahead: int) -> int:
    """First output frame that is not finished when the worker has heard `consumed` frames."""
    return (consumed // hop - (synthesis // hop - 1) - lookahead) * hop


def smallest_margin(delay: int, blocks: list[int], hop: int, synthesis: int, lookahead: int) -> int:
    """Least number of finished frames ahead of the mixer at the end of a block, when the worker has
    done by each callback all that the callback before it completed."""
    heard, worst = 0, 1 << 30
    for frames in blocks:
        end = heard + frames - delay  # one past the last frame mixed in this block
        if end > 0:
            worst = min(worst, ready_after(heard, hop, synthesis, lookahead) - end)
        heard += frames
    return worst


@pytest.mark.parametrize("lookahead", [0, 1, 3])
@pytest.mark.parametrize(("hop", "synthesis"), [(512, 1024), (256, 512), (128, 512)])
@pytest.mark.parametrize("block", [16, 64, 100, 128, 256, 441, 480, 512, 700, 1024, 2048])
def test_delay_is_the_least_that_is_always_ready(block, hop, synthesis, lookahead):
    latency = engine_latency(
        rate=44100,
        block=block,
        hop=hop,
        synthesis_size=synthesis,
        lookahead_hops=lookahead,
        safety_hops=0,
    )
    blocks = [block] * (20_000 // block + 4 * hop)
    margin = smallest_margin(latency.frames, blocks, hop, synthesis, lookahead)
    assert margin == FADE_FRAMES  # not one frame more or less than the fade needs


def test_varying_blocks_are_ready_with_step_one():
    latency = engine_latency(
        rate=48000, block=300, block_step=1, hop=512, synthesis_size=1024, safety_hops=0
    )
    blocks = [300 if n % 3 else 1 + (n * 37) % 300 for n in range(5000)]
    assert smallest_margin(latency.frames, blocks, 512, 1024, 0) >= FADE_FRAMES


def test_a_second_clock_is_in_the_whole_but_not_in_the_core():
    plain = engine_latency(rate=44100, block=256, hop=512, synthesis_size=1024)
    two = engine_latency(rate=44100, block=256, hop=512, synthesis_size=1024, clocks=437)
    assert two.core == plain.core == plain.frames
    assert two.frames == plain.frames + 437
    assert "+ clocks 437" in two.describe()
    assert "clocks" not in plain.describe()


def test_safety_is_added_once_and_named():
    plain = engine_latency(rate=44100, block=256, hop=512, synthesis_size=1024, safety_hops=0)
    safe = engine_latency(rate=44100, block=256, hop=512, synthesis_size=1024, safety_hops=1.5)
    assert safe.frames - plain.frames == 768
    assert safe.deadline_frames - plain.deadline_frames == 768
    assert math.isclose(safe.ms, 1000 * safe.frames / 44100)
    assert "safety 768" in safe.describe()
    assert f"{safe.frames} frames" in safe.describe()


def test_device_share_is_in_the_total_only():
    latency = engine_latency(rate=44100, block=256, hop=512, synthesis_size=1024, device=441)
    assert math.isclose(latency.total_ms - latency.ms, 10.0)


@pytest.mark.parametrize("wrong", [{"block": 0}, {"rate": 0}, {"safety_hops": -1}])
def test_sizes_must_be_positive(wrong):
    sizes = {"rate": 44100, "block": 256, "hop": 512, "synthesis_size": 1024} | wrong
    with pytest.raises(ValueError, match="positive"):
        engine_latency(**sizes)
