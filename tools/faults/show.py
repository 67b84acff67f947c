"""A short show on the virtual device: two buses from noise, one of them with a stem muted.

The main bus has all stems up, so it is the delayed input bit for bit as long as the delay is constant
and nothing is lost; the other one tells by itself, frame by frame, whether a stem was separated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from rtstem.engine import Engine
from rtstem.rt import board as b
from tests.models import STEMS, tiny_model

from .models import failing_model
from .outcome import Outcome, longest_run

RATE = 44100
LEAD_SECONDS = 1.0
TAIL_SECONDS = 3.5
"""Long enough to see that a trouble is over and said to be."""
SETTLED_FRAMES = 8192
Fault = Callable[[Engine], object]


class Show:
    """`play` it once; files are kept in `folder`."""

    def __init__(
        self,
        folder: Path,
        fault_seconds: float = 0.0,
        *,
        failure: str = "",
        loud: tuple[float, float] = (0.0, 0.0),
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """failure: of `models.FAILURES`, in the `loud` seconds; settings: of the configuration."""
        frames = int((LEAD_SECONDS + fault_seconds + TAIL_SECONDS) * RATE)
        noise = np.random.default_rng(3).standard_normal((frames, 2)) * 0.05
        start, stop = (int(at * RATE) for at in loud)
        noise[start:stop] += 0.8 * np.sin(0.15 * np.arange(stop - start))[:, None]
        self.audio = noise.astype(np.float32)
        folder.mkdir(parents=True, exist_ok=True)
        song, model = folder / "song.wav", tiny_model(folder / "model.onnx")
        soundfile.write(song, self.audio, RATE, subtype="FLOAT")
        if failure:
            model = failing_model(model, folder / "failing.onnx", failure)
        muted = dict.fromkeys(STEMS[1:], 1.0)
        self._settings = {
            "model": str(model),
            "audio": {"input": f"file:{song}", "output": "virtual", "block": 256},
            "latency": {"safety_hops": 4},  # a busy machine shall add no late hops of its own
            "buses": {
                "main": {"channels": [1, 2], "gains": dict.fromkeys(STEMS, 1.0)},
                "muted": {"channels": [3, 4], "gains": muted},
            },
        } | dict(settings or {})

    def play(self, fault: Fault) -> Outcome:
        """Play through, with `fault(engine)` called after LEAD_SECONDS."""
        blocks: list[np.ndarray[Any, Any]] = []
        with Engine(self._settings, sink=blocks.append) as engine:
            time.sleep(LEAD_SECONDS)
            fault(engine)
            ended = int(engine._board.header[b.IN_HEAD])
            over = engine.wait(60)
            messages, error = engine.notices, engine.error
            self.counts = engine.snapshot()
            delay = engine.latency.frames
        outcome = self._heard(np.concatenate(blocks), delay, ended, messages)
        outcome.demand(over and error is None, f"the show did not end by itself: {error}")
        return outcome

    def _heard(
        self, out: np.ndarray[Any, Any], delay: int, ended: int, messages: tuple[str, ...]
    ) -> Outcome:
        heard = out[delay : delay + len(self.audio)]
        wrong = np.ones(len(self.audio), bool)
        wrong[: len(heard)] = (heard[:, :2] != self.audio[: len(heard)]).any(axis=1)
        without = (heard[:, 2:4] == heard[:, :2]).all(axis=1)
        without[:SETTLED_FRAMES] = without[-SETTLED_FRAMES:] = False
        last = int(np.flatnonzero(without).max(initial=0))
        outcome = Outcome(
            gap_ms=_ms(longest_run(wrong)),
            without_ms=_ms(int(without.sum())),
            recovered_ms=_ms(max(0, last - (ended - delay))),
            messages=messages,
        )
        outcome.demand(outcome.gap_ms == 0, f"{outcome.gap_ms:.1f} ms were not the delayed input")
        outcome.demand(
            last < len(self.audio) - RATE, "the muted stem did not come back before the end"
        )
        return outcome


def _ms(frames: int) -> float:
    return round(1000 * frames / RATE, 1)
