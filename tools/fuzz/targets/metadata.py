"""Metadata of a model: strings mutated in a real model's protobuf, then read as any model's are."""

from __future__ import annotations

import json
import random
from pathlib import Path

import onnx
from onnx import helper

from rtstem.model_spec import read_model_spec
from rtstem.resources import find_model
from tests.models import tiny_model

from ..mutate import damaged, generator
from ..verdict import FailedError

_SHIPPED_EVERY = 200  # the shipped model's graph takes long to open
_TEXTS = [
    *("", " ", "0", "1", "-1", "1_0", "+5", "9" * 9, "9" * 5000, "1e3", "\u0661", "0x10", "nan", "live"),
    *("vocals,drums", "vocals,vocals", ",", "Vocals,x", "\u1d2e,x", "spectrum", "waveform", "a" * 30_000),
    *("{}", "[]", '{"a": NaN}', "[" * 9000, '{"a":' * 3000, '{"x": ' + "9" * 5000 + "}", "\x1b[2J", "\0"),
    *("44100", "44100,48000", "44100," * 3000, "8000", "asymmetric-hann", "\U0001f3a4", "512", "2048"),
]  # fmt: skip
_WORDS = [text[:40].encode() for text in _TEXTS if text]


class Door:
    """Metadata."""

    cases = 100_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._path = seed, folder / "case.onnx"
        tiny = tiny_model(folder / "tiny.onnx", fft_size=64, hop=16)
        wave = tiny_model(folder / "wave.onnx", "waveform", hop=16)
        self._models = [_bare(tiny), _bare(wave), _bare(find_model("live"))]

    def make(self, number: int) -> bytes:
        """The number of a graph and the metadata, as JSON of strings with surrogates for bytes."""
        dice = generator(self._seed, "metadata", number)
        which = 2 if number % _SHIPPED_EVERY == 0 else dice.randrange(2)
        facts = dict(self._models[which][1])
        for _ in range(dice.choice([1, 1, 2, 4])):
            self._change(dice, facts)
        return json.dumps([which, facts]).encode()

    def _change(self, dice: random.Random, facts: dict[str, str]) -> None:
        key = dice.choice(list(facts))
        kind = dice.random()
        if kind < 0.1:
            del facts[key]
            facts["left"] = "over"
        elif kind < 0.2:
            facts[dice.choice([*_TEXTS, key + " "])[:500]] = facts[key]
        elif kind < 0.4:
            facts[key] = facts[dice.choice(list(facts))]
        elif kind < 0.7:
            facts[key] = dice.choice(_TEXTS)
        else:
            text = facts[key].encode(errors="surrogateescape")
            facts[key] = damaged(dice, text, _WORDS).decode(errors="surrogateescape")

    def feed(self, data: bytes) -> None:
        """Write the file, read its facts."""
        which, facts = json.loads(data)
        # what is appended to a protobuf message is merged into it
        self._path.write_bytes(self._models[which][0] + b"".join(map(_entry, facts.items())))
        spec = read_model_spec(self._path)
        sizes = (spec.hop, spec.fft_size, spec.synthesis_size, spec.delay_frames, spec.bins)
        if any(size < 0 for size in sizes) or spec.sample_rate not in spec.rates:
            raise FailedError(f"facts that cannot be: {spec}"[:300])

    def close(self) -> None:
        """Nothing was started."""


def _bare(path: Path) -> tuple[bytes, dict[str, str]]:
    """A model without its metadata, and these."""
    model = onnx.load(str(path))
    facts = {entry.key: entry.value for entry in model.metadata_props}
    helper.set_model_props(model, {})
    return model.SerializeToString(), facts


def _entry(item: tuple[str, str]) -> bytes:
    """`metadata_props` (field 14) with key (1) and value (2), whatever bytes they are."""
    key, value = (text.encode(errors="surrogateescape") for text in item)
    return _field(14, _field(1, key) + _field(2, value))


def _field(number: int, data: bytes) -> bytes:
    size, head = len(data), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + data
