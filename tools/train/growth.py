"""Begins a larger or faster model with the weights of a trained one."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from tools.train.model import Separator

Weights = dict[str, Tensor]


def grown(parent: Separator, child: Separator) -> Weights:
    """Weights for ``child`` that make it compute what ``parent`` computes, as far as it can.

    Features, hidden units and layers that the parent lacks add nothing at first (what they would
    add is multiplied by zero), as in Net2Net (Chen et al., 2016); neither does a look-ahead that it
    lacks. With a shorter hop the recurrences forget less in each. A look-ahead of the parent needs
    a child of as many features.
    """
    old, new = parent.state_dict(), child.state_dict()
    many, more = parent.config.features, child.config.features
    kept = min(parent.config.layers, child.config.layers)
    _ends(old, new, many)
    _gain("norm.gain", old, new)
    for layer in range(child.config.layers):
        for name, directions in ((f"time.{layer}", 1), (f"across.{layer}", 2)):
            new[f"{name}.output.weight"].zero_()
            new[f"{name}.output.bias"].zero_()
            if layer < kept:
                _block(name, directions, old, new)
    shift = math.log(parent.config.hop / child.config.hop)  # of a gate sigmoid(b) near one
    for layer in range(kept):
        new[f"time.{layer}.inputs.bias"][:more] += shift
    for name, value in old.items():
        if name.startswith("future.") and name in new:
            new[name].copy_(value)
    return new


def blended(child: Separator, parent: Separator, share: float) -> Weights:
    """Weights between ``grown(parent, child)`` and those of the child, of which they have a share.

    After a short training they can be better than either end (Wortsman et al., 2022).
    """
    start = grown(parent, copy.deepcopy(child))
    return {name: start[name].lerp(value, share) for name, value in child.state_dict().items()}


def _ends(old: Weights, new: Weights, features: int) -> None:
    """Encoder and head."""
    for name, value in old.items():
        if name.startswith("encoder."):
            new[name].zero_()[..., :features] = value
        elif name.startswith("decoder.weights"):
            new[name].zero_()[:, : value.shape[1]] = value
        elif name.startswith("decoder.biases"):
            new[name].copy_(value)
    hidden = len(old["hidden.bias"])
    new["hidden.weight"][:hidden, :features] = old["hidden.weight"]
    new["hidden.bias"][:hidden] = old["hidden.bias"]


def _gain(name: str, old: Weights, new: Weights) -> None:
    """Of a norm: its root mean square falls where features are zero."""
    many, more = len(old[name]), len(new[name])
    new[name].fill_(1.0)[:many] = old[name] * math.sqrt(many / more)


def _block(name: str, directions: int, old: Weights, new: Weights) -> None:
    """A recurrence: three gates in each direction, and the projection of what comes out."""
    _gain(f"{name}.norm.gain", old, new)
    many, more = old[f"{name}.output.weight"].shape[0], new[f"{name}.output.weight"].shape[0]
    rows = torch.arange(3 * directions * more).view(-1, more)[:, :many].flatten()
    columns = rows[: directions * many]
    new[f"{name}.inputs.weight"][rows, :many] = old[f"{name}.inputs.weight"]
    new[f"{name}.inputs.bias"][rows] = old[f"{name}.inputs.bias"]
    new[f"{name}.output.weight"][:many, columns] = old[f"{name}.output.weight"]
    new[f"{name}.output.bias"][:many] = old[f"{name}.output.bias"]
