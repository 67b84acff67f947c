"""Every fault of tools/faults on the virtual device: audio goes on, one message, full recovery."""

from __future__ import annotations

import pytest

from rtstem.engine import Engine
from rtstem.errors import EngineError
from tests.flow.clocked import by_the_clock
from tests.models import tiny_model
from tools.faults import __main__ as tool
from tools.faults.outcome import UnavailableError


@pytest.mark.parametrize("name", tool.VIRTUAL)
@by_the_clock
def test_fault(name, tmp_path):
    try:
        outcome = tool.find(name)(tmp_path / "show")
    except UnavailableError as reason:
        pytest.skip(str(reason))
    assert outcome.problems == []


def test_a_thread_that_ends_again_and_again_ends_the_stream(tmp_path):
    config = {
        "model": str(tiny_model(tmp_path / "tiny.onnx")),
        "audio": {"input": "virtual:silence", "output": "virtual"},
    }
    engine = Engine(config)
    engine._inference._loop = lambda: None  # the thread ends at once, each time
    engine._inference._compile = lambda: None
    with engine:
        assert engine.wait(30)
    assert isinstance(engine.error, EngineError)
    assert len(set(engine.notices)) == 1


def test_the_command_refuses_unknown_names_and_tells_of_failures(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["faults", "earthquake"])
    with pytest.raises(SystemExit) as caught:
        tool.main()
    assert caught.value.code == 2
    assert "stall" in capsys.readouterr().err
    monkeypatch.setitem(tool.VIRTUAL, "stall", _broken)
    monkeypatch.setattr("sys.argv", ["faults", "stall"])
    assert tool.main() == 1
    assert "FAILED: nothing was heard" in capsys.readouterr().out


def _broken(_folder):
    """nothing works"""
    return tool.Outcome(100.0, 0.0, None, (), ["nothing was heard"])
