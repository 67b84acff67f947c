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
_MXCSR_FTZ_DAZ = 0x8040  # Intel SDM vol. 1, 10.2.3: FTZ is bit 15, DAZ is bit 6
_FPCR_FZ = 1 << 24  # Arm ARM, FPCR.FZ


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
def call8(_typing, function, a, b, c, d, e, f, g, h):
    """Call the C function at `function` with eight pointer-sized arguments; returns a pointer."""

    def codegen(context, builder, sig, args):
        return _call(builder, ir.IntType(64), args)

    return types.int64(*[types.int64] * 9), codegen


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


@intrinsic
def _mxcsr_or(_typing, bits):
    def codegen(context, builder, sig, args):
        slot = cgutils.alloca_once(builder, ir.IntType(32))
        pointer = builder.bitcast(slot, cgutils.voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        for name in ("llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr"):
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            builder.call(function, [pointer])
            if name.endswith("stmxcsr"):
                builder.store(builder.or_(builder.load(slot), args[0]), slot)
        return context.get_dummy_value()

    return types.void(types.uint32), codegen


@intrinsic
def _fpcr_or(_typing, bits):
    def codegen(context, builder, sig, args):
        i64 = ir.IntType(64)
        get = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(i64, []), "llvm.aarch64.get.fpcr"
        )
        put = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [i64]), "llvm.aarch64.set.fpcr"
        )
        builder.call(put, [builder.or_(builder.call(get, []), args[0])])
        return context.get_dummy_value()

    return types.void(types.uint64), codegen


@compiled
def flush_denormals():
    """Flush-to-zero and denormals-are-zero for the calling thread: decaying states stay cheap."""
    if IS_X86:
        _mxcsr_or(types.uint32(_MXCSR_FTZ_DAZ))
    elif IS_ARM64:
        _fpcr_or(types.uint64(_FPCR_FZ))
