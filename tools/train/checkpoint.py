"""Everything a training run needs to go on as if it had never stopped, in one file."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from tools.train.model import ModelConfig, Separator


class WeightAverage:
    """Exponential moving average of the weights; the decay grows with the steps."""

    def __init__(self, model: torch.nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.weights = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: torch.nn.Module, step: int) -> None:
        """Move towards the model's weights."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in model.state_dict().items():
            self.weights[name].lerp_(value, 1 - decay)


@dataclass
class Progress:
    """How far a run has come."""

    step: int = 0
    seconds: float = 0.0
    audio_seconds: float = 0.0


def save(
    path: Path,
    model: Separator,
    average: WeightAverage,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write atomically: a reader sees the old file or the new one."""
    state = {
        "config": asdict(model.config),
        "model": model.state_dict(),
        "average": average.weights,
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
        "rng": torch.get_rng_state(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def load(
    path: Path,
    model: Separator,
    average: WeightAverage,
    optimizer: torch.optim.Optimizer,
) -> Progress:
    """Restore everything that ``save`` wrote."""
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for name, value in state["average"].items():
        average.weights[name].copy_(value)
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["rng"])
    return Progress(**state["progress"])


def load_average(path: Path) -> tuple[Separator, Progress]:
    """The averaged model of a checkpoint, for export and evaluation."""
    state: dict[str, dict[str, Tensor]] = torch.load(path, weights_only=True)
    model = Separator(ModelConfig(**state["config"]))
    model.load_state_dict(state["average"])
    return model.eval(), Progress(**state["progress"])
