"""Begins a larger or faster model with the weights of a trained one."""

from __future__ import annotations

import math

from torch import Tensor

from tools.train.model import Separator


def grown(parent: Separator, child: Separator) -> dict[str, Tensor]:
    """Weights for ``child`` that make it compute what ``parent`` computes, as far as it can.

    Layers that the parent lacks add nothing at first (their output is zero), as in Net2Net (Chen
    et al., 2016); neither does a look-ahead. With a shorter hop the recurrences forget less in each.
    Features and hidden units must be as many as the parent's.
    """
    weights = child.state_dict()
    for name, value in parent.state_dict().items():
        if name in weights:
            weights[name] = value.clone()
    shift = math.log(parent.config.hop / child.config.hop)  # of a gate sigmoid(b) near one
    for layer in range(min(parent.config.layers, child.config.layers)):
        weights[f"time.{layer}.inputs.bias"][: child.config.features] += shift
    for layer in range(parent.config.layers, child.config.layers):
        for block in ("time", "across"):
            weights[f"{block}.{layer}.output.weight"].zero_()
            weights[f"{block}.{layer}.output.bias"].zero_()
    return weights
