"""What a recording proves: bit-exactness, latency, and when a fader move was heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jackbench import Audio, Rig
    from numpy.typing import NDArray


STALLED = "the machine stalled too often to prove anything"
SPOILT = 4  # cycles from a break on in which a late client reads or writes its neighbours'


@dataclass(frozen=True)
class Match:
    """How the recording compares with the played signal, `latency` frames later.

    `excused` frames lie in a cycle that the server itself skipped (a stalled machine), or so
    shortly after one that the input they need was never delivered; `bad` counts all the others
    that differ.
    """

    latency: int
    checked: int
    bad: int
    excused: int
    per_channel: tuple[int, ...]


def find_latency(rig: Rig, start: int, end: int, window: int = 2048) -> int | None:
    """The delay in frames of output 1 against input 1, proved bit for bit on a piece of it.

    Eight pieces of [start, end) are tried until one matches, since a lost cycle spoils the piece
    it lies in. None when nothing matches.
    """
    for at in np.linspace(start, end - window, 8).astype(int):
        latency = _match(rig.played[0], rig.recorded[0], int(at), window)
        if latency is not None:
            return latency
    return None


def _match(played: Audio, recorded: Audio, at: int, window: int) -> int | None:
    """Where `recorded[at:at+window]` comes from in the last second of `played`, as a delay."""
    piece = recorded[at : at + window]
    if np.isnan(piece).any():
        return None
    start = max(0, at - 65536)
    where = played[start : at + window]
    size = 1 << (len(where) + window).bit_length()
    spectrum = np.fft.rfft(where, size) * np.conj(np.fft.rfft(piece, size))
    best = int(np.argmax(np.fft.irfft(spectrum, size)[: len(where) - window + 1]))
    equal = np.array_equal(where[best : best + window], piece)
    return at - (start + best) if equal else None


def compare(rig: Rig, latency: int, start: int, end: int) -> Match:
    """Count the frames in [start, end) whose output is not the input `latency` frames before."""
    inputs = len(rig.played)
    recorded = rig.recorded[:, start:end]
    expected = rig.played[:, start - latency : end - latency]
    excused = excused_frames(rig, latency, start, end)
    wrong = np.stack([recorded[i] != expected[i % inputs] for i in range(len(recorded))])
    wrong &= ~excused
    each = tuple(int(n) for n in wrong.sum(axis=1))
    bad = int(wrong.any(axis=0).sum())
    return Match(latency, end - start, bad, int(excused.sum()), each)


def excused_frames(rig: Rig, latency: int, start: int, end: int) -> NDArray[np.bool_]:
    """True for the frames of [start, end) that were not recorded, or whose input was not played."""
    first = max(0, start - latency)
    holes = np.isnan(rig.recorded[:, first:end]).any(axis=0)
    for cycle, length in rig.breaks() - [first, 0]:
        holes[max(0, cycle) : max(0, cycle + SPOILT * length)] = True
    steps = np.zeros(len(holes) + latency + 2, np.int64)
    at = np.flatnonzero(holes)
    np.add.at(steps, at, 1)
    np.add.at(steps, at + latency + 1, -1)
    return np.cumsum(steps)[start - first : len(holes)] > 0


def stalled(rig: Rig, proofs: int, wanted: float) -> bool:
    """Whether so few proofs were found because the cycles broke as often as proofs were wanted."""
    return proofs < wanted <= len(rig.breaks())


@dataclass(frozen=True)
class FaderDelay:
    """When a fader move was heard.

    `blocks`: device blocks between the one that was under way at the latest when the call ended
    and the one with the first changed frame, so 0 or 1 when the move is heard in the next block.
    `earliest`: the same from the beginning of the call. `offset`: frames into that block.
    `frames`: from the call's end, by the clock, to the first changed frame.
    """

    blocks: int
    earliest: int
    offset: int
    frames: float


def fader_delay(rig: Rig, latency: int, move: dict[str, int]) -> FaderDelay | None:
    """Compare the output around a move away from "all up" with the input.

    `move` holds the times before and after the call, ns of CLOCK_MONOTONIC_RAW. None where the
    machine lost cycles nearby or no change is found within 50 ms.
    """
    starts, turns = rig.cycles().T
    before, after = np.searchsorted(turns, [move["before"] / 1000, move["after"] / 1000])
    reach = int(0.05 * rig.rate)
    first, last = int(starts[before]) - reach, int(starts[before]) + reach
    heard = rig.recorded[0, first:last]
    differs = heard != rig.played[0, first - latency : last - latency]
    if excused_frames(rig, latency, first - latency, last).any() or not differs.any():
        return None
    frame = first + int(np.argmax(differs))
    block = int(np.searchsorted(starts, frame, side="right")) - 1
    clock = (move["after"] / 1000 - turns[after]) * rig.rate / 1e6 + starts[after]
    return FaderDelay(
        blocks=block - int(after),
        earliest=block - int(before),
        offset=frame - int(starts[block]),
        frames=round(float(frame - clock), 1),
    )
