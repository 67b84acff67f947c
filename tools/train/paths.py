"""Where training keeps its caches and runs: outside the repository."""

from __future__ import annotations

import os
from pathlib import Path


def train_dir() -> Path:
    """Root of every cache; the environment variable ``RTSTEM_TRAIN_DIR`` overrides it."""
    return Path(os.environ.get("RTSTEM_TRAIN_DIR", Path.home() / ".cache" / "rtstem-train"))


def pools_dir() -> Path:
    """Rendered audio pools (int16); ``RTSTEM_TRAIN_POOLS`` names another folder in the root."""
    return train_dir() / os.environ.get("RTSTEM_TRAIN_POOLS", "pools")


def run_dir(name: str) -> Path:
    """Checkpoints and logs of one training run."""
    return train_dir() / "runs" / name
