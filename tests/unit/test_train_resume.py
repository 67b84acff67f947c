"""A run that stops and goes on ends with the very weights of a run that did not stop."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")

from tools.train.checkpoint import load_average  # noqa: E402
from tools.train.heldout import DB, errors_db  # noqa: E402
from tools.train.mixing import Batch  # noqa: E402
from tools.train.recover import named  # noqa: E402
from tools.train.train import TrainConfig, Trainer, learning_rate  # noqa: E402

CONFIG = TrainConfig("tiny", features=8, layers=1, hidden=8, batch=1, frames=12, warm_frames=2)


def batch(number: int) -> Batch:
    generator = torch.Generator().manual_seed(number)
    stems = torch.randn(1, 4, 2, 12 * 512, generator=generator) * 0.1
    return Batch(stems, torch.tensor([number % 2 == 0]), torch.tensor([1024]), torch.zeros(1))


def steps(trainer: Trainer, count: int) -> None:
    for _ in range(count):
        trainer.step(batch(trainer.progress.step))
        trainer.progress.seconds += 1.0


def test_resume_is_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTSTEM_TRAIN_DIR", str(tmp_path))
    straight = Trainer(CONFIG)
    steps(straight, 6)
    stopped = Trainer(CONFIG)
    steps(stopped, 3)
    stopped.save()
    resumed = Trainer(CONFIG)
    torch.randn(3)  # whatever else happened to the generator
    resumed.resume()
    assert resumed.progress.step == 3
    steps(resumed, 3)
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        assert torch.equal(straight.average.weights[name], resumed.average.weights[name]), name
    assert resumed.progress == straight.progress
    resumed.save()
    averaged, progress = load_average(resumed.path)
    assert progress.step == 6
    by_name = named(CONFIG.name).state_dict()
    assert all(torch.equal(v, by_name[k]) for k, v in averaged.state_dict().items())
    assert all(
        torch.equal(v, straight.average.weights[k]) for k, v in averaged.state_dict().items()
    )


def test_learning_rate_ends_with_the_budget() -> None:
    trainer = Trainer(CONFIG)
    trainer.progress.step = 10_000
    rates = []
    for part in (0.0, 0.5, 1.0, 2.0):
        trainer.progress.seconds = part * CONFIG.budget_seconds
        rates.append(learning_rate(CONFIG, trainer.progress))
    assert rates[0] == pytest.approx(CONFIG.learning_rate)
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] == rates[3] == pytest.approx(CONFIG.final_rate)


def test_vocals_and_other_stems_are_judged_apart() -> None:
    """Both together are the loss of training, of a mixture whose stems are known."""
    trainer = Trainer(TrainConfig("tiny", features=8, layers=1, hidden=8))
    stems = torch.randn(1, 4, 2, 48 * 512, generator=torch.Generator().manual_seed(1)) * 0.1
    whole = Batch(stems, torch.tensor([False]), torch.tensor([1024]), torch.zeros(1))
    apart = errors_db(trainer.model, [whole])[0]
    with torch.no_grad():
        loss = float(trainer.batch_loss(trainer.model, whole))
    assert apart[0] != pytest.approx(apart[1])
    assert float(0.25 * apart[0] + 0.75 * apart[1]) / DB == pytest.approx(loss, abs=1e-3)
