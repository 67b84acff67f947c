"""The callback's side of `rtstem bench`: rings, mixer and whole blocks between two clock readings.

They follow each other without pauses. Run them with the inference thread's priority, and once, with
few `runs`, before: what is compiled first would keep that priority for seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .bench_stages import StageTimes, music
from .latency import FADE_FRAMES
from .model_spec import ModelSpec
from .rt import board as b
from .rt.board import Board
from .rt.callback import process_block
from .rt.held import held_at
from .rt.jit import compiled
from .rt.mixer import fade_weights, gather_stems, mix_bus, write_bus
from .rt.native import as_pointer
from .rt.ring import lapped, push, read_planar
from .rt.system import now_ns, system_calls

BLOCKS = (64, 128, 256)
RING_WRITE, RING_READ = "ring, write a hop", "ring, read a hop"
MIXER = "mixer, 128 frames"
_MIXER_FRAMES = 128
RUNS = 20_000


def block_stages(spec: ModelSpec, runs: int = RUNS) -> list[StageTimes]:
    """Ring, mixer and callback, for the stems and the hop of `spec`."""
    callbacks = [callback_stage(spec, frames, runs) for frames in BLOCKS]
    return [*ring_stages(spec, runs), mixer_stage(spec, runs), *callbacks]


@compiled
def _time_ring(h: Any, ring: Any, block: Any, planar: Any, log: Any) -> None:
    """Push `block[hop, 2]` and read it as `planar[2, hop]`; ns of both to `log[n, 2]`."""
    scratch = np.zeros(2, np.int64)
    hop = block.shape[0]
    for n in range(log.shape[0]):
        began = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch)
        push(ring, h, b.IN_HEAD, b.IN_TAIL, block)
        wrote = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch)
        tail = h[b.IN_TAIL]
        read_planar(ring, tail, planar)
        if not lapped(ring, h, b.IN_HEAD, tail, hop):
            h[b.IN_TAIL] = tail + hop
        log[n, 1] = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch) - wrote
        log[n, 0] = wrote - began


def ring_stages(spec: ModelSpec, runs: int) -> list[StageTimes]:
    """One hop into the input ring, and out of it as the inference thread reads it."""
    board = _board(spec)
    block = music(np.random.default_rng(0), 2, spec.hop).reshape(-1, spec.hop, 2)[0].copy()
    planar = np.empty((2, spec.hop), np.float32)
    log = np.zeros((runs, 2), np.int64)
    _time_ring(board.header, board.input, block, planar, log)
    if not np.array_equal(planar, block.T):
        raise AssertionError("the ring gave back something else")
    return [StageTimes.of(RING_WRITE, log[:, 0]), StageTimes.of(RING_READ, log[:, 1])]


@compiled
def _time_mixer(
    h: Any, stamps: Any, stems: Any, buffers: Any, gains: Any, route: Any, log: Any
) -> None:
    """Mix one bus of `_MIXER_FRAMES` frames, its gains at rest; times in ns to `log[n]`."""
    dry, wet, bus, weight, peaks, out, fade, filtered = buffers
    scratch = np.zeros(2, np.int64)
    frames, hop, slots = dry.shape[1], h[b.HOP], stamps.shape[0]
    decay = np.float32(0.99)
    for n in range(log.shape[0]):
        start = n * frames
        for number in range(start // hop, (start + frames + FADE_FRAMES) // hop + 2):
            stamps[number % slots] = number
        began = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch)
        fade_weights(stamps, hop, start, frames, weight, fade, held_at(h[b.A_HELD]), h[b.CONCEAL])
        gather_stems(stems, start, frames, weight, wet, peaks, decay)
        mix_bus(dry, wet, wet, filtered, frames, gains, gains, h[b.SLEW_FRAMES], bus)
        write_bus(bus, frames, route, 2, out)
        log[n] = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], scratch) - began


def mixer_stage(spec: ModelSpec, runs: int) -> StageTimes:
    """Stems out of their ring, one bus with all faders halfway, and onto its channels."""
    board = _board(spec)
    count, frames = len(spec.stems), _MIXER_FRAMES
    stereo = (2, frames)
    buffers = (
        music(np.random.default_rng(0), 1, frames)[0],
        np.zeros((count, *stereo), np.float32),
        np.zeros(stereo, np.float32),
        np.zeros(frames, np.float32),
        np.zeros(count, np.float32),
        np.zeros(2 * frames, np.float32),
        np.ones(1, np.float32),
        np.zeros(count, np.float32),
    )
    gains = np.append(np.full(count, 0.5), 1.0).astype(np.float32)
    log, ring = np.zeros(runs, np.int64), board.stem_ring
    _time_mixer(board.header, board.stamps, ring, buffers, gains, board.route[0], log)
    if buffers[6][0] != 1.0:
        raise AssertionError("the mixer fell back to the dry signal while it was measured")
    return StageTimes.of(MIXER, log)


@compiled
def _time_blocks(header: Any, stamps: Any, samples: Any, frames: int, log: Any) -> None:
    """Call the callback's function `len(log)` times with all stems ready; ns to `log[n]`.

    `samples[0]` is the interleaved input, `samples[1]` the output.
    """
    scratch = np.zeros(2, np.int64)
    inp: Any = as_pointer(samples[0].ctypes.data)  # type: ignore[call-arg]
    out: Any = as_pointer(samples[1].ctypes.data)
    hop, slots = header[b.HOP], stamps.shape[0]
    for n in range(log.shape[0]):
        first = max(0, (header[b.IN_HEAD] - header[b.DELAY]) // hop)
        for number in range(first, first + (frames + FADE_FRAMES) // hop + 2):
            stamps[number % slots] = number
        began = now_ns(header[b.CLOCK], header[b.CLOCK_ID], header[b.CLOCK_HZ], scratch)
        process_block(header, inp, out, frames, 0)
        ended = now_ns(header[b.CLOCK], header[b.CLOCK_ID], header[b.CLOCK_HZ], scratch)
        log[n] = ended - began


def callback_stage(spec: ModelSpec, block: int, runs: int) -> StageTimes:
    """One bus with all faders halfway and the filters off, blocks of `block` frames."""
    board = _board(spec)
    board.header[b.SLEW_FRAMES] = block
    scene = np.full_like(board.scenes[0], 0.5)
    scene[-1] = 0.0  # filters off
    board.publish_scene(scene)
    samples = music(np.random.default_rng(0), 2, block).reshape(2, 2 * block)
    log = np.zeros(runs, np.int64)
    _time_blocks(board.header, board.stamps, samples, block, log)
    if board.header[b.MISSED_BLOCKS]:
        raise AssertionError("the mixer fell back to the dry signal while it was measured")
    return StageTimes.of(f"callback, {block} frames", log)


def _board(spec: ModelSpec) -> Board:
    """A board for one stereo bus, running, its stems full of noise."""
    board = Board(len(spec.stems), 1, spec.hop, spec.delay_frames // spec.hop, system_calls())
    header = board.header
    header[b.RATE], header[b.IN_CHANNELS], header[b.OUT_CHANNELS] = spec.sample_rate, 2, 2
    header[b.IN_LEFT], header[b.IN_RIGHT], board.route[0] = 0, 1, (0, 1, 1)
    header[b.DELAY], header[b.SLEW_FRAMES] = 2 * spec.synthesis_size, _MIXER_FRAMES
    header[b.STATE] = b.RUNNING
    noise = np.random.default_rng(0)
    board.stem_ring[:] = np.float32(0.1) * noise.standard_normal(board.stem_ring.shape, np.float32)
    return board
