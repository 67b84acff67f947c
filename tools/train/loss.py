"""Log of the mean squared error of complex spectra: what a signal-to-distortion ratio measures."""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 1e-3  # of the mixture's energy: a silent stem asks for no more than -30 dB of leakage


def stem_errors(estimate: Tensor, target: Tensor, bins: Tensor) -> Tensor:
    """Mean squared error [B, S] of spectra [T, B, S, 2, F, 2] over the judged bins."""
    judged = torch.arange(estimate.shape[-2], device=bins.device) < bins[:, None]
    error = (estimate - target).square().sum(0).sum((2, 4))  # over frames first: that is fast
    return (error * judged[:, None]).sum(-1)


def separation_loss(
    estimate: Tensor, target: Tensor, partial: Tensor, bins: Tensor, floor: float = FLOOR
) -> Tensor:
    """Mean over items and known stems of log(error / mixture energy + floor).

    Partial items are judged by vocals and by the sum of all other stems.
    """
    energy = stem_errors(target.sum(2, keepdim=True), target.new_zeros(()), bins) + 1e-9
    four = torch.log(stem_errors(estimate, target, bins) / energy + floor).mean(1)

    def vocals_and_rest(spectra: Tensor) -> Tensor:
        return torch.stack([spectra[:, :, 0], spectra[:, :, 1:].sum(2)], 2)

    chosen = partial.nonzero()[:, 0]
    if len(chosen) == 0:
        return four.mean()
    two = stem_errors(
        vocals_and_rest(estimate[:, chosen]), vocals_and_rest(target[:, chosen]), bins[chosen]
    )
    two = torch.log(two / energy[chosen] + floor).mean(1)
    return four.index_put((chosen,), two).mean()
