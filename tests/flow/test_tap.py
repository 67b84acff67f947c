"""What a recorder hears: aligned, complete, with the position of every move."""

from __future__ import annotations

import numpy as np

from tests.flow.conftest import RATE
from tests.models import DEFAULT_GAINS


def recorded(play, audio, moves, **options):
    """Tap blocks, changes and the take of one run with `moves` by frame."""
    taps, parts, changes = [], [], []

    def open_tap(engine):
        taps.append(engine.open_tap())

    def read(engine):
        if taps:
            parts.append(taps[0].read())
            changes.extend(taps[0].changes())

    reads = dict.fromkeys(range(2048, len(audio) + 4096, 1024), read)
    take = play(audio, moves={0: open_tap} | reads | moves, **options)
    read(take.engine)
    return taps[0], parts, changes, take


def test_tap_holds_dry_stems_and_buses_of_the_same_moment(play, noise):
    tap, parts, _, take = recorded(play, noise, {})
    block = np.concatenate([part for _, part in parts if len(part)])
    assert tap.channels == (
        "dry",
        "stem.vocals",
        "stem.drums",
        "stem.bass",
        "stem.other",
        "bus.main",
    )
    assert tap.lost == 0
    assert parts[0][0] == -take.delay  # from the first frame on
    dry = block[take.delay : take.delay + len(noise), :2]
    assert np.array_equal(dry, noise)
    assert np.array_equal(block[:, 10:12], block[:, :2])  # all faders up: the bus is the dry signal
    for n, gain in enumerate(DEFAULT_GAINS):
        stem = block[take.delay : take.delay + len(noise), 2 + 2 * n : 4 + 2 * n]
        np.testing.assert_allclose(stem, gain * noise, atol=1e-6)


def test_the_mix_can_be_made_again_from_stems_and_moves(play, noise):
    """The position of a change is the block in which the callback took it."""
    moves = {RATE // 2: lambda engine: engine.desk.set("vocals", 0.0)}
    tap, parts, changes, _ = recorded(play, noise, moves)
    block = np.concatenate([part for _, part in parts if len(part)])
    (change,) = changes
    first = parts[[len(p) > 0 for _, p in parts].index(True)][0]
    at = change.position - first
    assert change.scene[0, 0] == 0.0
    assert np.array_equal(block[:at, 10:12], block[:at, :2])
    ramp = np.maximum(0, 1 - np.arange(1, len(block) - at + 1, dtype=np.float32) / 1024)
    expected = block[at:, :2] + (ramp - 1)[:, None] * block[at:, 2:4]
    np.testing.assert_allclose(block[at:, 10:12], expected, atol=1e-6)
    assert np.array_equal(tap.first_gains, np.ones((1, 5), np.float32))


def test_a_late_reader_knows_what_it_missed(play, noise):
    taps, reads = [], []
    audio = np.tile(noise, (5, 1))
    moves = {
        0: lambda engine: taps.append(engine.open_tap()),
        2048: lambda engine: reads.append(taps[0].read()),
        len(audio) - 4096: lambda engine: reads.append(taps[0].read()),
    }
    play(audio, moves=moves)
    (first, early), (second, late) = reads
    assert taps[0].lost > 0
    assert second - (first + len(early)) == taps[0].lost
    assert len(late) > 0
