"""Log of the mean squared error of complex spectra: what a signal-to-distortion ratio measures."""

from __future__ import annotations

import torch
from torch import Tensor

from tools.train import kernels
from tools.train.model import apply_masks, mixture_consistent

FLOOR = 1e-3  # of the mixture's energy: a silent stem asks for no more than -30 dB of leakage


def stem_errors(estimate: Tensor, target: Tensor, bins: Tensor) -> Tensor:
    """Squared errors [B, S] of spectra [T, B, S, 2, F, 2], summed over the judged bins."""
    judged = torch.arange(estimate.shape[-2], device=bins.device) < bins[:, None]
    error = (estimate - target).square().sum(0).sum((2, 4))  # over frames first: that is fast
    return (error * judged[:, None]).sum(-1)


def masked_errors(masks: Tensor, mixture: Tensor, target: Tensor, bins: Tensor) -> Tensor:
    """Squared errors [B, S] of what masks make of a mixture, after mixture consistency."""
    if masks.dtype == torch.bfloat16 and kernels.library() is not None:
        return kernels.FusedMaskErrors.apply(masks, mixture, target, bins)
    estimate = mixture_consistent(apply_masks(masks, mixture), mixture)
    return stem_errors(estimate, target, bins)


def separation_loss(
    errors: Tensor, energy: Tensor, partial: Tensor, floor: float = FLOOR
) -> Tensor:
    """Mean over items and known stems of log(error [B, S] / mixture energy [B] + floor).

    Of partial items only vocals and accompaniment are known. The stems sum to the mixture, so
    both have the same error: that of the vocals.
    """
    logs = torch.log(errors / (energy[:, None] + 1e-9) + floor)
    return torch.where(partial, logs[:, 0], logs.mean(1)).mean()
