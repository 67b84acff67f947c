"""A running engine with a sink, the page it serves, and Chromium to look at it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from rtstem.control.actions import ActionTable
from rtstem.control.web import WebSurface
from rtstem.engine import Engine
from tests.models import tiny_model
from tests.web.browser import Browser, missing, required

RATE = 44100


class Stage:
    """Engine on the virtual device, playing a tone; `level()` is what comes out now."""

    def __init__(self, folder: Path) -> None:
        song = folder / "tone.flac"
        tone = 0.5 * np.sin(2 * np.pi * 441 * np.arange(RATE) / RATE)
        soundfile.write(song, np.tile(tone, 600).astype(np.float32), RATE, subtype="PCM_16")
        self.peak = 0.0
        self.engine = Engine(
            {
                "model": str(tiny_model(folder / "tiny.onnx")),
                "audio": {"input": f"file:{song}", "output": "virtual"},
                "buses": {
                    "main": {"channels": [1, 2]},
                    "stream": {"channels": [3, 4], "gains": {"drums": 1.0}},
                },
                "latency": {"safety_hops": 8},
            },
            sink=self._listen,
        )
        self.actions = ActionTable(self.engine.desk)
        self.learned: list[str | None] = []

    def _listen(self, block: np.ndarray) -> None:
        self.peak = float(np.abs(block[:, 0]).max())

    def level(self) -> float:
        return self.peak

    def learn(self, action, tell) -> None:
        self.learned.append(action)
        if action is not None:
            tell(f"{action} is control 7")

    def serve(self, port: int = 0, **options) -> WebSurface:
        return WebSurface(self.engine, self.actions, port=port, learn=self.learn, **options)

    def settles(self, level: float) -> None:
        """Wait until so much comes out."""
        end = time.monotonic() + 30
        while abs(self.peak - level) > 0.02:
            assert time.monotonic() < end, f"{self.peak} comes out, not {level}"
            time.sleep(0.02)


@pytest.fixture(scope="session")
def chromium() -> None:
    if problem := missing():
        if required():
            pytest.fail(problem)
        pytest.skip(problem)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("web"))
    with stage.engine:
        yield stage


@pytest.fixture(scope="session")
def chrome(chromium: None) -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(stage: Stage, chrome: Browser) -> Iterator[SimpleNamespace]:
    """page.browser at the page of page.surface, in the state of a fresh desk."""
    stage.engine.desk.panic()
    with stage.serve() as surface:
        chrome.look()
        chrome.open(surface.url)
        yield SimpleNamespace(browser=chrome, surface=surface)
        assert chrome.errors() == []
        chrome.driver.get("about:blank")
