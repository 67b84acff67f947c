"""What to do after a soak, in one sentence."""

from __future__ import annotations

import math
from collections.abc import Set

from .rt.board import MAX_BLOCK
from .sizing import RESERVE, recommended_safety_hops
from .soak_measured import Measured

_TOO_SLOW = 0.8  # of a hop, half of all hops: no waiting time helps
_LATE = {
    "blocks without stems", "blocks with the last masks", "late hops", "hops held in time",
    "slowest hop",
}  # fmt: skip
_LARGER_BLOCK = {"callbacks over their deadline", "xruns of the host", "worst callback"}
_MAX_SAFETY, _STEP = 64.0, 0.25  # hops


def advise(seen: Measured, failed: Set[str]) -> str:
    """The first thing to do, most effective first; `failed` are the names of the items that did."""
    if "stream" in failed:
        return "Mend what ended the stream, then soak again."
    late = bool(_LATE & failed)
    if late and "normal priority" in seen.realtime:
        return "Allow real-time priority first (`rtstem doctor` says how), then soak again."
    if seen.hop_us.p50 > _TOO_SLOW * seen.hop_period_us:
        return "The model is too slow for this machine: take a smaller one, or a GPU."
    if late or _LARGER_BLOCK & failed:
        return _more_time(seen, late, bool(_LARGER_BLOCK & failed))
    if "input not ready" in failed:
        return "Put the music on a faster disk, or on this machine; then soak again."
    if failed:
        return "Report this with the file of --json: no setting mends it."
    return _leave_or_tighten(seen)


def _more_time(seen: Measured, late: bool, larger: bool) -> str:
    """The block, the safety or both that what was seen would have needed."""
    stalled_us = _stalled_us(seen)
    block = _larger_block(seen) if larger else seen.block
    settings = []
    if late:
        needed = _needed(seen, seen.hop_us.p999 + stalled_us, block)
        needed = min(max(needed, seen.safety_hops + _STEP), _MAX_SAFETY)
        settings.append(f"latency.safety_hops: {needed:g} (now {seen.safety_hops:g})")
    if larger:
        settings.append(f"audio.block: {block} (now {seen.block})")
    cause = ""
    if stalled_us > min(seen.deadline_us - seen.hop_us.p50, seen.block_us):
        cause = (
            f"; the machine itself stood still for {stalled_us / 1000:.0f} ms, which no program can"
            " prevent: better use one that is less busy, or not virtual"
        )
    return f"Set {' and '.join(settings)}, then soak again{cause}."


def _larger_block(seen: Measured) -> int:
    """Twice as large, or more where the slowest callback needs it: a power of two."""
    frames = max(2 * seen.block, math.ceil(seen.callback_us.max * seen.rate / 1e6))
    return min(MAX_BLOCK, 1 << (frames - 1).bit_length())


def _needed(seen: Measured, slowest_us: float, block: int) -> float:
    """Safety for a hop of `slowest_us` with blocks of `block` frames, in hops."""
    return recommended_safety_hops(slowest_us, seen.hop_period_us, block / seen.hop_frames)


def _stalled_us(seen: Measured) -> float:
    """The machine's longest standstill, where that is known of itself and not of other programs."""
    return 1000 * seen.stalls.longest_ms if seen.stalls and seen.stalls.real_time else 0.0


def _leave_or_tighten(seen: Measured) -> str:
    hop = seen.hop_us
    slowest_us = max(hop.max, hop.p999 + _stalled_us(seen))  # bad luck included: no reserve on top
    enough = _needed(seen, max(hop.p999, slowest_us / RESERVE), seen.block)
    if enough < seen.safety_hops:
        less = (seen.safety_hops - enough) * seen.hop_period_us / 1000
        return (
            f"Keep latency.safety_hops: {seen.safety_hops:g}; {enough:g} may do as well"
            f" ({less:.1f} ms less delay): soak with it before you rely on it."
        )
    return f"Keep latency.safety_hops: {seen.safety_hops:g} and blocks of {seen.block} frames."
