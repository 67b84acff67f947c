"""Raw addresses in numba code: pointers, calls of C functions by address, flush-to-zero.

Functions are called by an address that travels as data (an int64 on the board) and not as a ctypes
global: so the compiled code can be cached on disk.
"""

from __future__ import annotations

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import compiled

IS_X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
IS_ARM64 = platform.machine().lower() in ("aarch64", "arm64")
# x86: MXCSR, FTZ is bit 15 and DAZ bit 6 (Intel SDM vol. 1, 10.2.3); Arm: FPCR.FZ (Arm ARM)
FLUSH_BITS = 0x8040 if IS_X86 else 1 << 24
DEFAULT_FLOAT_MODE = 0x1F80 if IS_X86 else 0


@intrinsic
def as_pointer(_typing, address):
    """An int64 address as `void *` (for `numba.carray`)."""

    def codegen(context, builder, sig, args):
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@intrinsic
def as_address(_typing, pointer):
    """A `void *` as int64; 0 for NULL."""

    def codegen(context, builder, sig, args):
        return builder.ptrtoint(args[0], ir.IntType(64))

    return types.int64(types.voidptr), codegen


def _call(builder, result, values):
    """Call `values[0]` as a C function of int64 arguments."""
    i64 = ir.IntType(64)
    signature = ir.FunctionType(result, [i64] * (len(values) - 1))
    function = builder.inttoptr(values[0], signature.as_pointer())
    return builder.call(function, values[1:])


@intrinsic
def call3(_typing, function, a, b, c):
    """Call the C function at `function` with three integer or pointer arguments; returns its int.

    A callee with fewer parameters ignores the rest in the C ABIs of x86-64 and aarch64.
    """

    def codegen(context, builder, sig, args):
        status = _call(builder, ir.IntType(32), args)
        return builder.sext(status, ir.IntType(64))

    return types.int64(*[types.int64] * 4), codegen


@intrinsic
def call4(_typing, function, a, b, c, d):
    """Call the C function at `function` with four pointer-sized arguments; returns a pointer.

    Of a callee that returns an int only the lower 32 bits count.
    """

    def codegen(context, builder, sig, args):
        return _call(builder, ir.IntType(64), args)

    return types.int64(*[types.int64] * 5), codegen


@intrinsic
def call_stream_callback(_typing, function, inp, out, frames, flags, userdata):
    """Call a PaStreamCallback by its address, with no time information; returns its result."""

    def codegen(context, builder, sig, args):
        function, inp, out, frames, flags, userdata = args
        i64, i32 = ir.IntType(64), ir.IntType(32)
        ulong = ir.IntType(STREAM_ULONG.bitwidth)
        pa = ir.FunctionType(i32, [i64, i64, ulong, i64, ulong, i64])
        if ulong.width < 64:
            frames, flags = builder.trunc(frames, ulong), builder.trunc(flags, ulong)
        pointer = builder.inttoptr(function, pa.as_pointer())
        result = builder.call(pointer, [inp, out, frames, i64(0), flags, userdata])
        return builder.sext(result, i64)

    return types.int64(*[types.int64] * 6), codegen


# `unsigned long` of PaStreamCallback is 32 bits wide on Windows
STREAM_ULONG = types.uint32 if platform.system() == "Windows" else types.uint64
STREAM_SIGNATURE = types.intc(
    types.voidptr, types.voidptr, STREAM_ULONG, types.voidptr, STREAM_ULONG, types.voidptr
)
"""PaStreamCallback (portaudio.h): input, output, frames, time, flags, user data."""


@intrinsic
def _swap_mxcsr(_typing, value):
    """Load `value` into MXCSR; returns what was there."""

    def codegen(context, builder, sig, args):
        old, new = (cgutils.alloca_once(builder, ir.IntType(32)) for _ in range(2))
        builder.store(args[0], new)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        for name, slot in (("stmxcsr", old), ("ldmxcsr", new)):
            function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{name}")
            builder.call(function, [builder.bitcast(slot, cgutils.voidptr_t)])
        return builder.load(old)

    return types.uint32(types.uint32), codegen


@intrinsic
def _swap_fpcr(_typing, value):
    """Load `value` into FPCR; returns what was there."""

    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        module, function = builder.module, cgutils.get_or_insert_function
        get = function(module, ir.FunctionType(i64, []), "llvm.aarch64.get.fpcr")
        put = function(module, ir.FunctionType(ir.VoidType(), [i64]), "llvm.aarch64.set.fpcr")
        old = builder.call(get, [])
        builder.call(put, [args[0]])
        return old

    return types.uint64(types.uint64), codegen


@compiled
def set_float_mode(mode):
    """Set the calling thread's floating-point control word; returns the one before (int64)."""
    if IS_X86:
        return types.int64(_swap_mxcsr(types.uint32(mode)))
    elif IS_ARM64:  # numba leaves the branch of the other processor out only in this form
        return types.int64(_swap_fpcr(types.uint64(mode)))
    else:
        return types.int64(0)


@compiled
def flush_denormals():
    """Flush-to-zero and denormals-are-zero for the calling thread: decaying states stay cheap.

    Returns the mode before, for `set_float_mode`: a thread that is not ours must get it back.
    """
    before = set_float_mode(DEFAULT_FLOAT_MODE)
    set_float_mode(before | FLUSH_BITS)
    return before
