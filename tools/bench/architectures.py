"""Networks of the family and others against each other: quality after a short training, and cost.

    python tools/bench/architectures.py DEV [--steps 160] [--seeds 2] [--only NAME ...] [--json]

Each is trained on the same mixtures (the pools of tools.train.prepare) from random weights, judged
on held-out mixtures and on the songs in DEV, and one hop of its exported file is timed. Such short
runs rank, they do not tell how good a network becomes. Results are kept in the training folder
(architectures.jsonl); a run that is there is not made again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

import common
import numpy as np
import torch

from tools.evaluation.scores import COLUMNS, score_songs, summarise
from tools.train.export import export
from tools.train.loss import stem_errors
from tools.train.mixing import MixtureBatches
from tools.train.model import STEMS, ModelConfig, Separator, mixture_consistent
from tools.train.paths import pools_dir, train_dir
from tools.train.stft import AsymmetricSTFT
from tools.train.streaming import StreamingStep
from tools.train.train import TrainConfig, Trainer, training_batches
from tools.train.variants import DeepFilter, DeepFilterStep, GatedUnits, GatedUnitsStep, macs

BATCH, FRAMES, HELD_OUT, HOPS = 2, 480, 24, 1000
PIECE = 1000  # hops: whole songs in one go take too much memory


class WholeTrainer(Trainer):
    """Judges stems: not all networks are a mask and nothing else."""

    def output(self, model: Separator, mixture: torch.Tensor) -> torch.Tensor:
        stems, _ = model(mixture, model.initial_state(mixture.shape[1]))
        return mixture_consistent(stems, mixture[: len(stems)])

    @staticmethod
    def errors(
        stems: torch.Tensor, _: torch.Tensor, target: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        return stem_errors(stems, target, weights)


@dataclass(frozen=True)
class Rival:
    """One network: its size, and what differs from the shipped family."""

    size: dict[str, int]
    network: type[Separator] = Separator
    streaming: type[StreamingStep] = StreamingStep
    trainer: type[Trainer] = Trainer

    @property
    def config(self) -> ModelConfig:
        return ModelConfig(hidden=96, **self.size)


RIVALS = {
    "48x4": Rival({"features": 48, "layers": 4}),
    "64x4": Rival({"features": 64, "layers": 4}),
    "96x4": Rival({"features": 96, "layers": 4}),
    "64x6": Rival({"features": 64, "layers": 6}),
    "96x6": Rival({"features": 96, "layers": 6}),
    "64x4, GRU": Rival({"features": 64, "layers": 4}, GatedUnits, GatedUnitsStep),
    "64x4, deep filter": Rival(
        {"features": 64, "layers": 4}, DeepFilter, DeepFilterStep, WholeTrainer
    ),
    "64x4, 1 hop ahead": Rival({"features": 64, "layers": 4, "lookahead": 1}),
    "64x4, 6 hops ahead": Rival({"features": 64, "layers": 4, "lookahead": 6}),
    "64x4, window 4096": Rival({"features": 64, "layers": 4, "fft_size": 4096}),
}


def trained(rival: Rival, steps: int, seed: int) -> tuple[Separator, float]:
    """The averaged model after `steps`, and its loss on held-out mixtures."""
    config = TrainConfig(
        name="rival", batch=BATCH, frames=FRAMES + rival.config.lookahead,
        budget_seconds=steps, average_decay=0.98, seed=seed, **rival.size,
    )  # fmt: skip
    trainer = rival.trainer(config, rival.network)
    batches = training_batches(config, 0)
    while trainer.progress.step < steps:
        trainer.step(next(batches))
        trainer.progress.seconds = trainer.progress.step  # the learning rate follows the steps
        print(f"\r  step {trainer.progress.step} of {steps}", end="", file=sys.stderr, flush=True)
    samples = config.frames * config.hop
    held = MixtureBatches(pools_dir(), BATCH, samples, 1000, held_out=True)
    loss = trainer.validate([held[i] for i in range(HELD_OUT)])
    trainer.model.load_state_dict(trainer.average.weights)
    return trainer.model.eval(), loss


@torch.no_grad()
def separated(
    mixture: np.ndarray, rate: int, *, model: Separator, stft: AsymmetricSTFT
) -> dict[str, np.ndarray]:
    """Stems of a mixture [n, 2], in long pieces: what hop by hop gives.

    Only the taps of the deep filter begin each piece anew.
    """
    del rate  # of the songs: that of the model
    samples, ahead = len(mixture), model.config.lookahead
    spare = -samples % stft.hop + (1 + ahead) * stft.hop
    audio = torch.from_numpy(np.pad(mixture.T, ((0, 0), (0, spare))))[None]
    spectrum, state, pieces = stft(audio), model.initial_state(1), []
    for first in range(0, len(spectrum) - ahead, PIECE):
        piece = spectrum[first : first + PIECE + ahead]
        stems, state = model(piece, state)
        pieces.append(mixture_consistent(stems, piece[: len(stems)]))
    out = stft.inverse(torch.cat(pieces))[0, ..., :samples].numpy()
    return {name: stem.T for name, stem in zip(STEMS, out, strict=True)}


def dev_scores(model: Separator, folder: Path) -> dict[str, float]:
    """Medians of SDR over the songs, as `tools.evaluate` has them."""
    stft = AsymmetricSTFT(model.config.fft_size, model.config.hop)
    separate = partial(separated, model=model, stft=stft)
    summary = summarise(score_songs(folder, separate))
    return {name: summary["all"][name]["sdr"] for name in COLUMNS}


def hop_cost(rival: Rival, model: Separator) -> dict[str, float]:
    """Percentiles in ms of a hop of the exported network."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rival.onnx"
        export(model, path, "rival", {}, rival.streaming)
        return common.hop_cost(path, HOPS)


def measure(name: str, steps: int, seed: int, dev: Path) -> dict[str, object]:
    """Train and judge one network."""
    model, loss = trained(RIVALS[name], steps, seed)
    cost = hop_cost(RIVALS[name], model)
    weights = sum(weight.numel() for weight in model.parameters())
    return {
        "network": name, "steps": steps, "seed": seed, "held_out_loss": round(loss, 3),
        "dev": dev_scores(model, dev), "ms": cost,
        "weights": round(weights / 1e6, 2), "macs": round(macs(model), 1),
    }  # fmt: skip


def rows(runs: list[dict]) -> list[dict[str, object]]:
    """One line for each network: means over the seeds, and the difference between seeds."""
    out = []
    for name in RIVALS:
        own = [run for run in runs if run["network"] == name]
        if not own:
            continue
        vocals = [run["dev"]["vocals"] for run in own]
        losses = [run["held_out_loss"] for run in own]
        row = {
            "network": name, "seeds": len(own), "weights M": own[0]["weights"],
            "MAC M": own[0]["macs"],
        }  # fmt: skip
        row |= {f"{p} ms": round(min(run["ms"][p] for run in own), 2) for p in own[0]["ms"]}
        row |= {"held-out loss": f"{mean(losses):.3f} +- {(max(losses) - min(losses)) / 2:.3f}"}
        row |= {"vocals dB": f"{mean(vocals):.2f} +- {(max(vocals) - min(vocals)) / 2:.2f}"}
        for stem in ("drums", "bass", "other"):
            row[f"{stem} dB"] = round(mean(run["dev"][stem] for run in own), 2)
        out.append(row)
    return out


def main() -> int:
    parser = common.arguments(__doc__)
    parser.add_argument(
        "dev", type=common.songs_folder, metavar="DEV", help="songs with true stems"
    )
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=RIVALS, default=list(RIVALS))
    options = parser.parse_args()
    torch.set_num_threads(2)
    path = train_dir() / "architectures.jsonl"
    path.touch()
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    done = {(run["network"], run["seed"], run["steps"]) for run in runs}
    for seed in range(1, options.seeds + 1):
        for name in options.only:
            if (name, seed, options.steps) in done:
                continue
            print(f"\n{name}, seed {seed}", file=sys.stderr)
            runs.append(measure(name, options.steps, seed, options.dev))
            with open(path, "a") as file:
                file.write(json.dumps(runs[-1]) + "\n")
    chosen = [r for r in runs if r["steps"] == options.steps and r["network"] in options.only]
    return common.report(rows(chosen), [], options.json, steps=options.steps)


if __name__ == "__main__":
    sys.exit(main())
