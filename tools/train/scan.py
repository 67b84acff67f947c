"""Gated linear recurrences: the reference in PyTorch, and the choice of the compiled one."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from tools.train import kernels


class LinearScan(torch.autograd.Function):
    """h[t] = a[t] * h[t-1] + b[t] over the first dimension, sequential and in place."""

    @staticmethod
    def forward(ctx: Any, decay: Tensor, drive: Tensor, initial: Tensor) -> Tensor:
        """States of all steps."""
        decay, drive = decay.float().contiguous(), drive.float().contiguous()
        states = torch.empty_like(drive)
        state = initial
        for a, b, out in zip(decay.unbind(0), drive.unbind(0), states.unbind(0), strict=True):
            torch.addcmul(b, a, state, out=out)
            state = out
        ctx.save_for_backward(decay, states, initial)
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """The same recurrence, run backwards."""
        decay, states, initial = ctx.saved_tensors
        gradient = gradient.float().contiguous()
        total = torch.empty_like(gradient)
        total[-1].copy_(gradient[-1])
        for t in range(len(gradient) - 2, -1, -1):
            torch.addcmul(gradient[t], decay[t + 1], total[t + 1], out=total[t])
        to_decay = torch.empty_like(total)
        torch.mul(total[1:], states[:-1], out=to_decay[1:])
        torch.mul(total[0], initial, out=to_decay[0])
        return to_decay, total, None


def reference_recurrence(
    gates: Tensor, initial: Tensor, along: int, forward: int
) -> tuple[Tensor, Tensor]:
    """``gated_recurrence`` in plain PyTorch."""
    keep, candidate, gate = gates.transpose(0, along).chunk(3, -1)
    keep = torch.sigmoid(keep.float())
    drive = (1 - keep) * candidate
    states = LinearScan.apply(keep[..., :forward], drive[..., :forward], initial[:, :forward])
    last = states[-1]
    if forward < keep.shape[-1]:
        back = (keep[..., forward:].flip(0), drive[..., forward:].flip(0), initial[:, forward:])
        down = LinearScan.apply(*back)
        last = torch.cat([last, down[-1]], -1)
        states = torch.cat([states, down.flip(0)], -1)
    out = states.to(gate.dtype) * F.silu(gate)
    return out.transpose(0, along), last.detach()


def gated_recurrence(
    gates: Tensor, initial: Tensor, along: int, forward: int
) -> tuple[Tensor, Tensor]:
    """Scan gates [T, M, 3E] over dimension ``along`` (0 or 1); returns outputs and last states.

    The last dimension holds keep, candidate and output gate of E channels. A state follows
    h = k * h + (1 - k) * candidate with k = sigmoid(keep); the output is h * silu(gate). Channels
    from ``forward`` on run from the last step to the first. ``initial`` is [rows, E] and gets no
    gradient.
    """
    if gates.dtype == torch.bfloat16 and kernels.library() is not None:
        return kernels.FusedRecurrence.apply(gates, initial, along, forward)
    return reference_recurrence(gates, initial, along, forward)
