"""A bundle of arrays as one table of addresses, so that compiled code can be given another bundle while
it runs: it reads the table through an address on the board.

Five int64 a field: address and up to four lengths; a number or truth value stands in the first.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import carray

from .jit import compiled
from .native import as_pointer

ROW = 5


def table_of(bundle: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """The table of a named tuple of arrays, floats, ints and bools; the arrays must be kept."""
    table = np.zeros((len(bundle), ROW), np.int64)
    for row, value in zip(table, bundle, strict=True):
        if isinstance(value, np.ndarray):
            row[0] = value.ctypes.data
            row[1 : 1 + value.ndim] = value.shape
        elif isinstance(value, float):
            row[0] = struct.unpack("<q", struct.pack("<d", value))[0]
        else:
            row[0] = int(value)
    return table.reshape(-1)


@compiled
def table_at(address, fields):
    """The int64 table of `fields` fields at `address`."""
    return carray(as_pointer(address), (fields * ROW,), np.int64)


@compiled
def vector(table, field, kind):
    """Field `field` as an array of one dimension and type `kind`."""
    return carray(as_pointer(table[field * ROW]), (table[field * ROW + 1],), kind)


@compiled
def matrix(table, field, kind):
    """The same with two dimensions."""
    at = field * ROW
    return carray(as_pointer(table[at]), (table[at + 1], table[at + 2]), kind)


@compiled
def cube(table, field, kind):
    """The same with three dimensions."""
    at = field * ROW
    return carray(as_pointer(table[at]), (table[at + 1], table[at + 2], table[at + 3]), kind)


@compiled
def number(table, field):
    """Field `field` as a float."""
    return table[field * ROW : field * ROW + 1].view(np.float64)[0]
