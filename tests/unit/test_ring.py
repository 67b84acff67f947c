"""Rings between two threads without a lock."""

from __future__ import annotations

import threading

import numpy as np
from numba import njit

from rtstem.rt.ring import finite, lapped, pop, push, read_planar

HEAD, TAIL = 0, 8


def test_waiting_ring_keeps_order_and_never_overwrites():
    ring, header = np.zeros((8, 2), np.float32), np.zeros(16, np.int64)
    block = np.arange(20, dtype=np.float32).reshape(10, 2)
    assert push(ring, header, HEAD, TAIL, block) == 8
    assert push(ring, header, HEAD, TAIL, block) == 0
    out = np.zeros((5, 2), np.float32)
    assert pop(ring, header, HEAD, TAIL, out) == 5
    assert np.array_equal(out, block[:5])
    assert push(ring, header, HEAD, TAIL, block[8:]) == 2
    assert pop(ring, header, HEAD, TAIL, out) == 5
    assert np.array_equal(out, block[5:])
    assert pop(ring, header, HEAD, TAIL, out) == 0


def test_what_is_no_number_becomes_silence_and_is_counted():
    header = np.zeros(4, np.int64)
    given = np.array([0.5, np.nan, -np.inf, -1.5], np.float32)
    assert [finite(header, 2, value) for value in given] == [0.5, 0.0, 0.0, -1.5]
    assert header.tolist() == [0, 0, 2, 0]


@njit(nogil=True, cache=True)
def _produce(ring, header, total):
    block = np.zeros((1, 2), np.float32)
    sent = 0
    while sent < total:
        block[0, 0], block[0, 1] = sent % 65536, sent // 65536
        sent += push(ring, header, HEAD, TAIL, block)


@njit(nogil=True, cache=True)
def _consume(ring, header, total):
    block = np.zeros((7, 2), np.float32)
    seen, wrong = 0, 0
    while seen < total:
        for k in range(pop(ring, header, HEAD, TAIL, block)):
            if block[k, 0] + 65536 * block[k, 1] != seen:
                wrong += 1
            seen += 1
    return wrong


def test_two_threads_lose_and_reorder_nothing():
    ring, header, total = np.zeros((64, 2), np.float32), np.zeros(16, np.int64), 2_000_000
    _produce(ring, header, 0)
    _consume(ring, header, 0)
    wrong = []
    reader = threading.Thread(target=lambda: wrong.append(_consume(ring, header, total)))
    reader.start()
    _produce(ring, header, total)
    reader.join(60)
    assert wrong == [0]


def test_reader_of_the_overwriting_ring_knows_when_it_was_lapped():
    ring, header = np.zeros((64, 2), np.float32), np.zeros(16, np.int64)
    header[HEAD] = 60
    assert not lapped(ring, header, HEAD, 10, 8)
    header[HEAD] = 68
    assert lapped(ring, header, HEAD, 10, 8)


def test_positions_before_zero_are_silence_at_first():
    ring, out = np.zeros((64, 2), np.float32), np.ones((2, 10), np.float32)
    ring[:4] = 5
    read_planar(ring, -6, out)
    assert list(out[0]) == [0] * 6 + [5] * 4
