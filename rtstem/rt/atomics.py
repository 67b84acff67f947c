"""C11-style atomic loads and stores on int64 array elements, for numba code that shares memory.

Plain array accesses may be hoisted out of loops or reordered; these compile to LLVM atomics and are
correct on x86-64 and aarch64.
"""

from __future__ import annotations

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import compiled


def _element(context, builder, array_type, array, index):
    view = context.make_array(array_type)(context, builder, array)
    return cgutils.get_item_pointer(context, builder, array_type, view, [index], wraparound=False)


@intrinsic
def load_acquire(_typing, array, index):
    """`array[index]`; what the storing thread wrote before its release is visible afterwards."""

    def codegen(context, builder, sig, args):
        pointer = _element(context, builder, sig.args[0], args[0], args[1])
        return builder.load_atomic(pointer, "acquire", 8)

    return array.dtype(array, types.intp), codegen


@intrinsic
def store_release(_typing, array, index, value):
    """`array[index] = value`, after everything this thread wrote before."""

    def codegen(context, builder, sig, args):
        pointer = _element(context, builder, sig.args[0], args[0], args[1])
        builder.store_atomic(args[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), codegen


@intrinsic
def fence(_typing):
    """Full fence: earlier loads are done before later ones start."""

    def codegen(context, builder, sig, args):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@compiled
def publish(array, index, value):
    """`store_release` for callers in Python."""
    store_release(array, index, value)


@compiled
def observe(array, index):
    """`load_acquire` for callers in Python."""
    return load_acquire(array, index)
