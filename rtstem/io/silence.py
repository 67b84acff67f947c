"""Silence through the callback while no stream calls it: what was under way is never heard later."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from ..rt import board as b
from ..rt.board import Board
from ..rt.callback import stream_callback

BLOCK = 256
PATIENCE_SECONDS = 0.2  # with a model that stalls just now


def pass_silence(board: Board, frames: int) -> None:
    """At least `frames` frames, at the pace of the inference thread, as if a device had played them.

    Nobody else may call the callback meanwhile, and STATE must be RUNNING.
    """
    h = board.header
    link = np.array([h.ctypes.data, h[b.OUT_CHANNELS]], np.int64)
    silence = np.zeros(BLOCK * max(1, int(h[b.IN_CHANNELS])), np.float32)
    out = np.empty(BLOCK * int(h[b.OUT_CHANNELS]), np.float32)
    address = ctypes.c_void_p
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, address, address, ctypes.c_ulong, address, ctypes.c_ulong, address
    )
    call = kind(stream_callback.address)
    patience = time.monotonic() + PATIENCE_SECONDS
    for _ in range(0, frames, BLOCK):
        call(silence.ctypes.data, out.ctypes.data, BLOCK, None, 0, link.ctypes.data)
        while h[b.IN_HEAD] - h[b.IN_TAIL] >= h[b.HOP] and time.monotonic() < patience:
            time.sleep(0.0005)
