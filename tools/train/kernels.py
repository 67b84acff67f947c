"""The compiled passes of kernels.cpp as differentiable functions; built once with g++."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tools.train.paths import train_dir

SOURCE = Path(__file__).with_name("kernels.cpp")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC", "-std=c++17")


class Shape(ctypes.Structure):
    """Mirror of ``Shape`` in kernels.cpp."""

    _fields_ = [
        (name, ctypes.c_int64)
        for name in ("steps", "rows", "step_stride", "row_stride", "channels", "forward")
    ]


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled library, or None without a compiler (or with RTSTEM_TRAIN_KERNELS=0)."""
    if os.environ.get("RTSTEM_TRAIN_KERNELS") == "0" or shutil.which("g++") is None:
        return None
    digest = hashlib.sha256(SOURCE.read_bytes() + repr(FLAGS).encode()).hexdigest()[:16]
    built = train_dir() / "build" / f"kernels-{digest}.so"
    if not built.exists():
        built.parent.mkdir(parents=True, exist_ok=True)
        part = built.with_suffix(f".{os.getpid()}")
        command = ["g++", *FLAGS, str(SOURCE), "-o", str(part), "-lmvec", "-lm"]
        subprocess.run(command, check=True)
        os.replace(part, built)
    return ctypes.CDLL(str(built))


def pointer(tensor: Tensor | None) -> ctypes.c_void_p:
    """Address of a contiguous tensor."""
    return ctypes.c_void_p(0 if tensor is None else tensor.data_ptr())


def shape_of(gates: Tensor, along: int, forward: int) -> Shape:
    """How gates [T, M, 3E] are scanned: over dimension 0 (rows M) or 1 (rows T)."""
    first, second, width = gates.shape
    if along == 0:
        return Shape(first, second, second, 1, width // 3, forward)
    return Shape(second, first, 1, second, width // 3, forward)


class FusedRecurrence(torch.autograd.Function):
    """``scan.gated_recurrence`` on bfloat16 gates."""

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, initial: Tensor, along: int, forward: int
    ) -> tuple[Tensor, Tensor]:
        gates = gates.contiguous()
        shape = shape_of(gates, along, forward)
        size = (*gates.shape[:2], shape.channels)
        states, out = gates.new_empty(size), gates.new_empty(size)
        last = torch.empty(shape.rows, shape.channels)
        library().scan_forward(
            shape, pointer(gates), pointer(initial.contiguous()), pointer(states), pointer(out),
            pointer(last),
        )  # fmt: skip
        ctx.save_for_backward(gates, states, initial.bfloat16())
        ctx.along, ctx.forward_channels = along, forward
        ctx.mark_non_differentiable(last)
        return out, last

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _last: Tensor) -> tuple[Tensor, None, None, None]:
        gates, states, initial = ctx.saved_tensors
        shape = shape_of(gates, ctx.along, ctx.forward_channels)
        grad_gates = torch.empty_like(gates)
        gradient = gradient.bfloat16().contiguous()
        library().scan_backward(
            shape, pointer(gates), pointer(initial), pointer(states), pointer(gradient),
            pointer(grad_gates),
        )  # fmt: skip
        return grad_gates, None, None, None


class FusedNorm(torch.autograd.Function):
    """RMS normalisation of float32 rows to bfloat16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        x = x.contiguous()
        out = torch.empty_like(x, dtype=torch.bfloat16)
        n = x.shape[-1]
        rows, width = ctypes.c_int64(x.numel() // n), ctypes.c_int64(n)
        library().rms_norm_forward(rows, width, pointer(x), pointer(gain), pointer(out))
        ctx.save_for_backward(x, gain)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        x, gain = ctx.saved_tensors
        gradient = gradient.bfloat16().contiguous()
        grad_x, grad_gain = torch.empty_like(x), torch.zeros_like(gain)
        n = x.shape[-1]
        rows, width = ctypes.c_int64(x.numel() // n), ctypes.c_int64(n)
        library().rms_norm_backward(
            rows, width, pointer(x), pointer(gain), pointer(gradient), pointer(grad_x),
            pointer(grad_gain),
        )  # fmt: skip
        return grad_x, grad_gain


class FusedMaskErrors(torch.autograd.Function):
    """``loss.masked_errors`` on bfloat16 masks."""

    @staticmethod
    def forward(
        ctx: Any, masks: Tensor, mixture: Tensor, target: Tensor, weights: Tensor
    ) -> Tensor:
        frames, items, stems, channels, width = masks.shape[:5]
        sizes = tuple(ctypes.c_int64(n) for n in (frames, items, stems, channels * width))
        both = weights.float().repeat(1, channels)
        inputs = tuple(t.contiguous() for t in (masks, mixture, target, both))
        errors = torch.zeros(items, stems, dtype=torch.float64)
        library().mask_errors(*sizes, *map(pointer, inputs), pointer(errors))
        ctx.save_for_backward(*inputs)
        ctx.sizes = sizes
        return errors.float()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        inputs = ctx.saved_tensors
        scale, grad_masks = gradient.float().contiguous(), torch.empty_like(inputs[0])
        library().mask_errors_backward(
            *ctx.sizes, *map(pointer, inputs), pointer(scale), pointer(grad_masks)
        )
        return grad_masks, None, None, None
