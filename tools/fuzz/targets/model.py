"""Model files cut, flipped and spliced; what still opens is made ready and runs a few hops."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rtstem.errors import EngineError
from rtstem.model_spec import read_model_spec
from rtstem.resources import find_model
from rtstem.rt.separator import Separator
from tests.models import tiny_model

from ..mutate import damaged, generator

_SHIPPED_EVERY = 100
_WORDS = [
    *(b"spectrum", b"stems", b"next_memory", b"memory"),
    *(b"gains", b"Mul", b"Loop", b"If", b"Scan", b"Shape"),
    *(b"ConstantOfShape", b"location", b"../../../etc/passwd"),
    *(b"/dev/zero", b"ai.onnx", b"com.x", b"\xff" * 9),
    *(b"\x80" * 9 + b"\x01", b"\x70\x01", b"\x08\x01", b"\x08\x0b"),
    *(b"\xff\xff\xff\xff\x0f", b"\xff" * 9 + b"\x01"),
]  # fmt: skip


class Door:
    """Model files."""

    cases = 20_000
    room = 2048

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._path = seed, folder / "case.onnx"
        self._small = [
            tiny_model(folder / "tiny.onnx", fft_size=64, hop=16).read_bytes(),
            tiny_model(folder / "wave.onnx", "waveform", hop=16, lookahead_hops=1).read_bytes(),
        ]
        self._shipped = find_model("live").read_bytes()
        for good in (*self._small, self._shipped):
            self.feed(good)

    def make(self, number: int) -> bytes:
        """A damaged file."""
        dice = generator(self._seed, "model", number)
        good = self._shipped if number % _SHIPPED_EVERY == 0 else dice.choice(self._small)
        return damaged(dice, good, _WORDS, self._small)

    def feed(self, data: bytes) -> None:
        """As the engine does it."""
        self._path.write_bytes(data)
        spec = read_model_spec(self._path)
        separator = Separator(spec, "cpu")
        try:
            separator.process(np.ones((3 * spec.hop, 2), np.float32))
        except EngineError as error:  # its line is the model's own
            str(error)
        finally:
            separator.close()

    def close(self) -> None:
        """Nothing was started."""
