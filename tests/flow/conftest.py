"""The engine on the virtual device: real callback, real thread, real ONNX Runtime, tiny model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.engine import Engine
from tests.models import tiny_model

RATE = 44100
STEMS = ("vocals", "drums", "bass", "other")


class Take:
    """One run of an engine over `audio`: `out` float32 [frames, channels], `delay` in frames."""

    def __init__(self, engine: Engine, blocks: list[np.ndarray], audio: np.ndarray) -> None:
        self.engine, self.audio = engine, audio
        self.delay = engine.latency.frames
        self.out = np.concatenate(blocks)

    def bus(self, number: int) -> np.ndarray:
        """Bus `number` without the delay, as long as the input."""
        start = self.delay
        return self.out[start : start + len(self.audio), 2 * number : 2 * number + 2]


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((RATE, 2)).astype(np.float32) * 0.1


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Take]:
    """play(audio, config=..., model=..., lockstep=..., during=..., moves=...) -> Take

    during(engine) is called while it plays, for runs by the clock; moves is {frame: f(engine)},
    called when so much has been heard, for runs in lockstep.
    """

    def run(audio, config=None, model=None, lockstep=True, during=None, block=256, moves=None):
        song = tmp_path / "song.wav"
        soundfile.write(song, audio, RATE, subtype="FLOAT")
        settings = {
            "model": str(model or tiny_model(tmp_path / "tiny.onnx")),
            "audio": {"input": f"file:{song}", "output": "virtual", "block": block},
            # by the clock: patient enough for a busy machine, so that only our stalls are late
            "latency": {"safety_hops": 0.5 if lockstep else 4},
        } | (config or {})
        blocks: list[np.ndarray] = []
        waiting = dict(moves or {})

        def move(position: int) -> None:
            for frame in [frame for frame in waiting if frame <= position]:
                waiting.pop(frame)(engine)

        engine = Engine(
            settings, sink=blocks.append, lockstep=lockstep, before_block=move if lockstep else None
        )
        with engine:
            if during is not None:
                during(engine)
            assert engine.wait(60)
        return Take(engine, blocks, audio)

    return run
