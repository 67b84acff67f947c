"""Error of models on mixtures of held-out sources: `python -m tools.train.heldout FIRST OTHER...`.

No song of DEV is heard. Mono and stereo mixtures are judged apart; the gain of each model over the first
is the mean over the mixtures with its standard error, in dB less error.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch

from tools.train.loss import separation_loss
from tools.train.mixing import Batch, Mixer, collated
from tools.train.model import Separator
from tools.train.paths import pools_dir
from tools.train.recover import named
from tools.train.train import TrainConfig, Trainer

SEED = 777
DB = 10 / math.log(10)  # of a natural logarithm


def mixtures(length: int, count: int) -> dict[str, list[Batch]]:
    """`count` mono and `count` stereo mixtures whose stems are all known."""
    mixer, number = Mixer(pools_dir(), length, held_out=True), 0
    found: dict[str, list[Batch]] = {"mono": [], "stereo": []}
    while min(map(len, found.values())) < count:
        item = mixer.item(np.random.default_rng([SEED, number]))
        stems, partial = item[:2]
        group = found["mono" if np.array_equal(stems[:, 0], stems[:, 1]) else "stereo"]
        number += 1
        if not partial and len(group) < count:
            group.append(collated([item]))
    return found


def errors_db(model: Separator, batches: list[Batch]) -> torch.Tensor:
    """Error of vocals and of the other stems against each mixture, [batches, 2]."""
    size = model.config
    trainer = Trainer(
        TrainConfig(
            "held-out", size.features, size.layers, size.hidden,
            fft_size=size.fft_size, hop=size.hop, lookahead=size.lookahead,
        )
    )  # fmt: skip
    with torch.no_grad():
        judged = [(*trainer.batch_errors(model, batch), batch.partial) for batch in batches]
    return DB * torch.tensor([[separation_loss(*b, share) for share in (1.0, 0.0)] for b in judged])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="runs or exported .onnx files")
    parser.add_argument("--count", type=int, default=24, help="mixtures of each kind")
    args = parser.parse_args()
    defaults = TrainConfig("")
    for kind, batches in mixtures(defaults.frames * defaults.hop, args.count).items():
        first = None
        for name in args.models:
            errors = errors_db(named(name), batches)
            first = errors if first is None else first
            gain = first - errors
            spread = gain.std(0) / math.sqrt(len(batches))
            cells = zip(("vocals", "others"), errors.mean(0), gain.mean(0), spread, strict=True)
            figures = (f"{s} {e:.2f} dB (gain {g:+.3f} +- {d:.3f})" for s, e, g, d in cells)
            print(f"{kind:6s} {name}: {', '.join(figures)}", flush=True)


if __name__ == "__main__":
    main()
