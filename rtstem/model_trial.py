"""Try a model in a process of its own: a broken graph can take ONNX Runtime down, and us with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .errors import ModelError
from .io.child import child_environment

TRIAL_SECONDS = 120.0
_TRIAL = """
import sys
from rtstem.model_spec import read_model_spec
from rtstem.rt.separator import Separator
Separator(read_model_spec(sys.argv[1]), sys.argv[2]).warm_up(2)
"""
_PYTHON_ENDS = (0, 1)  # with or without an exception; what that says our own checks will find


def try_model(path: Path, provider: str) -> None:
    """Load the model and run two hops of it. Raises ModelError where the process crashes or hangs."""
    try:
        run = subprocess.run(
            [sys.executable, "-c", _TRIAL, str(path), provider],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            timeout=TRIAL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"does not get through two hops in {TRIAL_SECONDS:.0f} s"
        raise ModelError(f"{path}: {why}; use another model") from None
    if run.returncode not in _PYTHON_ENDS:
        raise ModelError(
            f"{path}: ONNX Runtime crashes on it (code {run.returncode}); export it again, or use "
            "another model"
        )
