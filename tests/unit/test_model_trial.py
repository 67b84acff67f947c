"""A model that takes its process down is told in one line by `models check`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rtstem import model_trial
from rtstem.errors import ModelError
from rtstem.model_trial import try_model
from tests.models import tiny_model

CRASH = Path(__file__).parents[1] / "data" / "crash" / "slice.onnx"


def test_good_and_refused_models_survive(tmp_path: Path) -> None:
    try_model(tiny_model(tmp_path / "m.onnx", fft_size=64, hop=16), "cpu")
    try_model(tmp_path / "none.onnx", "cpu")


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        ("import os; os.abort()", "ONNX Runtime crashes on it"),
        ("import time; time.sleep(60)", "does not get through two hops in 1 s"),
    ],
)
def test_one_that_crashes_or_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trial: str, says: str
) -> None:
    monkeypatch.setattr(model_trial, "_TRIAL", trial)
    monkeypatch.setattr(model_trial, "TRIAL_SECONDS", 1.0 if "sleep" in trial else 60.0)
    with pytest.raises(ModelError, match=says):
        try_model(tmp_path / "m.onnx", "cpu")


def test_the_command_outlives_a_graph_that_aborts_onnx_runtime() -> None:
    """ONNX Runtime 1.31 aborts on it; another version may refuse it. Both are one line and 2."""
    run = subprocess.run(
        [sys.executable, "-m", "rtstem", "models", "check", str(CRASH), "--provider", "cpu"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert "slice.onnx" in run.stderr + run.stdout
    assert "Traceback" not in run.stderr
