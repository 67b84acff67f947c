"""Learning curve of a run as a picture: ``python -m tools.train.curve RUN OUT.svg``."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import numpy as np

from tools.train.paths import run_dir

SMOOTH_STEPS = 100
VALIDATION = re.compile(
    r"step (\d+) .*validation (-?[\d.]+)|done: (\d+) steps, validation (-?[\d.]+)"
)


def read_log(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Hours of audio heard and loss of every step."""
    with open(folder / "log.csv", newline="") as file:
        rows = [(float(r[4]), float(r[3])) for r in csv.reader(file)]
    hours, loss = np.array(rows).T
    return hours, loss


def read_validation(folder: Path) -> list[tuple[int, float]]:
    """Steps and losses on held-out mixtures."""
    found = VALIDATION.finditer((folder / "log.txt").read_text())
    return [(int(m[1] or m[3]), float(m[2] or m[4])) for m in found]


def draw(folder: Path, out: Path) -> None:
    """Loss of training (moving average) and of held-out mixtures against hours of audio."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    hours, loss = read_log(folder)
    kernel = np.ones(SMOOTH_STEPS) / SMOOTH_STEPS
    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
    axes.plot(hours[SMOOTH_STEPS - 1 :], np.convolve(loss, kernel, "valid"), label="training")
    held = [(hours[min(step, len(hours)) - 1], value) for step, value in read_validation(folder)]
    axes.plot(*zip(*held, strict=True), "o-", label="held-out mixtures")
    axes.set(xlabel="hours of mixtures heard", ylabel="loss (log of relative error)")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="name of a training run")
    parser.add_argument("out", type=Path, help="picture to write (.svg)")
    args = parser.parse_args()
    draw(run_dir(args.run), args.out)


if __name__ == "__main__":
    main()
