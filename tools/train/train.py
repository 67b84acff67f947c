"""Trains the separator: ``python -m tools.train.train configs/train/live.yaml``.

The learning rate follows the seconds of training spent out of a fixed budget, so a run ends on
time on any machine. Run again with the same configuration, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import yaml
from torch.utils.data import DataLoader

from tools.train import checkpoint
from tools.train.checkpoint import Progress, WeightAverage
from tools.train.growth import grown
from tools.train.loss import bin_weights, masked_errors, separation_loss, stem_errors
from tools.train.mixing import Batch, MixtureBatches
from tools.train.model import ModelConfig, Separator
from tools.train.paths import pools_dir, run_dir
from tools.train.recover import named
from tools.train.stft import AsymmetricSTFT

RATE = 44_100
STEP_CAP = 30.0  # seconds: a stopped process does not spend its budget
WARM_STEPS = 150


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    name: str
    features: int = 48
    layers: int = 4
    hidden: int = 96
    batch: int = 4
    fft_size: int = 2048  # samples
    hop: int = 512
    lookahead: int = 0  # hops
    start_from: str = ""  # a run, or an exported .onnx file, whose weights this one begins with
    frames: int = 480  # hops in a segment: 5.6 s
    warm_frames: int = 32  # not judged: the recurrent state is still filling
    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    weight_decay: float = 1e-2
    vocals_weight: float = 0.25  # of the loss of a mixture whose four stems are known
    clip: float = 1.0
    average_decay: float = 0.999
    budget_seconds: float = 7_320.0
    checkpoint_seconds: float = 300.0
    validate_seconds: float = 900.0
    seed: int = 1
    threads: int = 2


def load_config(path: Path) -> TrainConfig:
    """A run's settings from YAML; unknown keys are an error."""
    return TrainConfig(**yaml.safe_load(path.read_text()))


def learning_rate(config: TrainConfig, progress: Progress) -> float:
    """Linear warm-up by steps, then a cosine over the time budget."""
    part = min(1.0, progress.seconds / config.budget_seconds)
    cosine = 0.5 * (1 + math.cos(math.pi * part))
    rate = config.final_rate + (config.learning_rate - config.final_rate) * cosine
    return rate * min(1.0, (progress.step + 1) / WARM_STEPS)


class Trainer:
    """Model, optimiser and averages of one run, and one step of it."""

    def __init__(self, config: TrainConfig, network: type[Separator] = Separator) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        size = ModelConfig(
            config.features, config.layers, config.hidden,
            config.fft_size, config.hop, config.lookahead,
        )  # fmt: skip
        self.model, self.stft = network(size), AsymmetricSTFT(size.fft_size, size.hop)
        self.average = WeightAverage(self.model, config.average_decay)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), config.learning_rate, (0.9, 0.98),
            weight_decay=config.weight_decay, fused=True,
        )  # fmt: skip
        self.progress = Progress()
        self.path = run_dir(config.name) / "last.pt"

    def save(self) -> None:
        """Write the checkpoint."""
        checkpoint.save(self.path, self.model, self.average, self.optimizer, self.progress)

    def resume(self) -> None:
        """Go on from the checkpoint where there is one, else begin with another run's weights."""
        if self.path.exists():
            self.progress = checkpoint.load(self.path, self.model, self.average, self.optimizer)
        elif self.config.start_from:
            self.model.load_state_dict(grown(named(self.config.start_from), self.model))
            self.average = WeightAverage(self.model, self.config.average_decay)

    def output(self, model: Separator, mixture: torch.Tensor) -> torch.Tensor:
        """What is judged of a model: its masks for spectra [T, B, 2, F, 2]."""
        return model.masks(mixture, model.initial_state(mixture.shape[1]))[0]

    errors = staticmethod(masked_errors)

    def batch_errors(self, model: Separator, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared errors [B, S] of one batch, and the energy [B] of its mixtures."""
        warm = self.config.warm_frames
        target = self.stft(batch.stems)
        mixture = target.sum(2)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = self.output(model, mixture)
        judged = slice(warm, len(output))  # what comes after was only looked ahead at
        mixture, target = mixture[judged], target[judged]
        weights = bin_weights(mixture, batch.loss_bins, batch.whitening)
        errors = self.errors(output[warm:], mixture, target, weights)
        return errors, stem_errors(mixture[:, :, None], torch.zeros(()), weights)[:, 0]

    def batch_loss(self, model: Separator, batch: Batch) -> torch.Tensor:
        """Loss of one batch."""
        errors, energy = self.batch_errors(model, batch)
        return separation_loss(errors, energy, batch.partial, self.config.vocals_weight)

    def step(self, batch: Batch) -> float:
        """One update; returns the loss."""
        rate = learning_rate(self.config, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss = self.batch_loss(self.model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimizer.step()
        self.average.update(self.model, self.progress.step)
        self.progress.step += 1
        self.progress.audio_seconds += batch.stems.shape[0] * batch.stems.shape[-1] / RATE
        return float(loss.detach())

    @torch.no_grad()
    def validate(self, batches: list[Batch]) -> float:
        """Loss of the averaged weights on mixtures of held-out sources."""
        model = type(self.model)(self.model.config)
        model.load_state_dict(self.average.weights)
        return sum(float(self.batch_loss(model, b)) for b in batches) / len(batches)


def training_batches(config: TrainConfig, first: int) -> Iterator[Batch]:
    """Batches from number ``first`` on, mixed ahead in a worker process."""
    data = MixtureBatches(pools_dir(), config.batch, config.frames * config.hop, config.seed)
    numbers = range(first, first + 10_000_000)
    loader = DataLoader(data, batch_size=None, sampler=numbers, num_workers=1, prefetch_factor=3)
    return iter(loader)


def run(config: TrainConfig) -> None:
    """Train until the budget is spent."""
    torch.set_num_threads(config.threads)
    trainer = Trainer(config)
    trainer.resume()
    progress, folder = trainer.progress, trainer.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pid").write_text(str(os.getpid()))
    held_out = MixtureBatches(
        pools_dir(), config.batch, config.frames * config.hop, config.seed + 1000, held_out=True
    )
    validation = [held_out[i] for i in range(12)]
    batches = training_batches(config, progress.step)
    saved = validated = progress.seconds
    with open(folder / "log.csv", "a", buffering=1, newline="") as file:
        log = csv.writer(file)
        while progress.seconds < config.budget_seconds:
            began = time.monotonic()
            loss = trainer.step(next(batches))
            progress.seconds += min(time.monotonic() - began, STEP_CAP)
            row = [progress.step, f"{progress.seconds:.1f}"]
            row += [f"{learning_rate(config, progress):.6f}", f"{loss:.4f}"]
            log.writerow([*row, f"{progress.audio_seconds / 3600:.3f}"])
            if progress.seconds - saved > config.checkpoint_seconds:
                saved = progress.seconds
                trainer.save()
            if progress.seconds - validated > config.validate_seconds:
                validated = progress.seconds
                print(f"step {progress.step} {progress.seconds:.0f} s "
                      f"validation {trainer.validate(validation):.4f}", flush=True)  # fmt: skip
    trainer.save()
    print(f"done: {progress.step} steps, validation {trainer.validate(validation):.4f}", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--budget-seconds", type=float, help="overrides the configuration's")
    args = parser.parse_args()
    config = load_config(args.config)
    if args.budget_seconds:
        config = replace(config, budget_seconds=args.budget_seconds)
    run(config)


if __name__ == "__main__":
    main()
