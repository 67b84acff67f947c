"""Band levels of the stems: the right band, the right level, only what is heard."""

from __future__ import annotations

import numpy as np
import pytest

from rtstem.control.spectrum import BANDS, FLOOR_DB, StemSpectrum, band_edges
from rtstem.rt import board as b
from rtstem.rt.board import Board
from rtstem.rt.system import system_calls

RATE, HOP, DELAY = 44100, 512, 1344
HEARD = 40 * HOP + 100  # output frames so far


def board_with(*waves: np.ndarray) -> Board:
    """A board that has played `waves` (mono, from frame 0 on) as its stems."""
    board = Board(stems=len(waves), buses=1, hop=HOP, delay_hops=2, system=system_calls())
    board.header[b.IN_HEAD], board.header[b.DELAY] = HEARD + DELAY, DELAY
    for hop in range(HEARD // HOP):
        slot = hop % len(board.stamps)
        for s, wave in enumerate(waves):
            board.stem_ring[slot, s] = wave[hop * HOP : (hop + 1) * HOP]
        board.stamps[slot] = hop
    return board


def sine(hz: float, level: float = 1.0) -> np.ndarray:
    wave = level * np.sin(2 * np.pi * hz * np.arange(HEARD) / RATE)
    return wave.astype(np.float32)


def decibels(levels: np.ndarray) -> np.ndarray:
    return levels / 255 * -FLOOR_DB + FLOOR_DB


@pytest.mark.parametrize("hz", [100.0, 441.0, 3000.0, 12000.0])
def test_a_sine_is_in_its_band_at_its_level(hz):
    levels = StemSpectrum(board_with(sine(hz), sine(hz, 0.01)), RATE).read()
    edges = band_edges(RATE, 2048)
    band = int(np.searchsorted(edges, round(hz * 2048 / RATE), side="right")) - 1
    assert levels.argmax(axis=1).tolist() == [band, band]
    full, soft = decibels(levels[:, band].astype(float))
    assert full == pytest.approx(0.0, abs=2.5)  # a neighbour may have a part of it
    assert full - soft == pytest.approx(40.0, abs=0.5)
    far = np.abs(np.arange(BANDS) - band) > 4
    assert levels[0, far].max() < 20


def test_silence_is_nothing_and_faders_count():
    board = board_with(sine(1000), np.zeros(HEARD, np.float32))
    spectrum = StemSpectrum(board, RATE)
    before = spectrum.read().astype(float)
    assert before[1].max() == 0
    board.gain[0, 0] = 0.1
    band = int(before[0].argmax())
    change = decibels(spectrum.read()[0, band].astype(float)) - decibels(before[0, band])
    assert change == pytest.approx(-20.0, abs=0.5)
    board.gain[0, 0] = 0.0
    assert spectrum.read().max() == 0


def test_hops_that_were_late_are_silent():
    board = board_with(sine(1000))
    spectrum = StemSpectrum(board, RATE)
    newest = HEARD // HOP - 1
    for hop in range(newest - 3, newest + 1):
        assert spectrum.read().max() > 0
        board.stamps[hop % len(board.stamps)] = -1
    assert spectrum.read().max() == 0


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
def test_bands_lie_within_the_spectrum_whatever_the_rate(rate):
    edges = band_edges(rate, 2048)
    assert edges[0] >= 0
    assert edges[-1] <= 1024
    assert (np.diff(edges) > 0).all()
