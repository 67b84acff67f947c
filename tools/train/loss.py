"""Log of the mean squared error of complex spectra: what a signal-to-distortion ratio measures."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from tools.train import kernels
from tools.train.model import apply_masks, mixture_consistent

FLOOR = 1e-3  # of the mixture's energy: a silent stem asks for no more than -30 dB of leakage


WHITEST = 1e-4  # of the mean energy: quieter bins are not lifted further


def bin_weights(mixture: Tensor, bins: Tensor, whitening: Tensor) -> Tensor:
    """Weights [B, F] of the bins of spectra [T, B, 2, F, 2]; none beyond the judged ones.

    Nearly all energy of music lies below 1 kHz, so plain energies leave treble unlearnt.
    Weights fall with the energy of a bin's neighbourhood to the power of ``whitening``.
    """
    energy = mixture.square().sum(0).sum((1, 3))
    padded = F.pad(energy[:, None], (8, 8), mode="replicate")
    smooth = F.avg_pool1d(padded, 17, 1)[:, 0]
    relative = smooth / (smooth.mean(1, keepdim=True) + 1e-12) + WHITEST
    judged = torch.arange(energy.shape[1], device=bins.device) < bins[:, None]
    return relative.pow(-whitening[:, None]) * judged


def stem_errors(estimate: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Squared errors [B, S] of spectra [T, B, S, 2, F, 2], summed with weights [B, F]."""
    error = (estimate - target).square().sum(0).sum((2, 4))  # over frames first: that is fast
    return (error * weights[:, None]).sum(-1)


def masked_errors(masks: Tensor, mixture: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Squared errors [B, S] of what masks make of a mixture, after mixture consistency."""
    if masks.dtype == torch.bfloat16 and kernels.library() is not None:
        return kernels.FusedMaskErrors.apply(masks, mixture, target, weights)
    estimate = mixture_consistent(apply_masks(masks, mixture), mixture)
    return stem_errors(estimate, target, weights)


def separation_loss(
    errors: Tensor, energy: Tensor, partial: Tensor, vocals: float = 0.25, floor: float = FLOOR
) -> Tensor:
    """Weighted mean over items and known stems of log(error [B, S] / mixture energy [B] + floor).

    ``vocals`` is the weight of the vocals, the other stems share the rest alike. Of partial items
    only vocals and accompaniment are known. The stems sum to the mixture, so both have the same
    error: that of the vocals.
    """
    logs = torch.log(errors / (energy[:, None] + 1e-9) + floor)
    whole = vocals * logs[:, 0] + (1 - vocals) * logs[:, 1:].mean(1)
    return torch.where(partial, logs[:, 0], whole).mean()
