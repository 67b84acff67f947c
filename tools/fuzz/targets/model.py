"""Model files cut, flipped and spliced; what still opens is made ready and runs a few hops."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

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
_SIZES = (0, -1, 1, 2, 3, 17, 32, 33, 2**20, 2**31, 2**40, 2**62, 2**63 - 1)
_OPERATORS = (
    *(
        "Mul",
        "Add",
        "Identity",
        "Abs",
        "Sqrt",
        "Log",
        "Div",
        "Transpose",
        "Reshape",
        "ConstantOfShape",
    ),
    *(
        "Expand",
        "Tile",
        "Loop",
        "If",
        "Scan",
        "Shape",
        "Unsqueeze",
        "Nonsense",
        "STFT",
        "LSTM",
        "Range",
    ),
)
_PLACES = ("weights.bin", "../weights.bin", "/etc/passwd", "/dev/zero", "", "\0", "a" * 5000)


def _size(dice: random.Random, graph: onnx.GraphProto) -> None:
    """Of an input and of the output that belongs to it, or not."""
    value = dice.choice([*graph.input, *graph.output])
    others = [o for o in graph.output if o.name == f"next_{value.name}" and dice.random() < 0.8]
    place, size = dice.randrange(len(value.type.tensor_type.shape.dim)), dice.choice(_SIZES)
    for one in (value, *others):
        one.type.tensor_type.shape.dim[place].dim_value = size


def _type(dice: random.Random, graph: onnx.GraphProto) -> None:
    value = dice.choice([*graph.input, *graph.output])
    value.type.tensor_type.elem_type = dice.randrange(25)


def _weights(dice: random.Random, graph: onnx.GraphProto) -> None:
    tensor = dice.choice(graph.initializer)
    tensor.data_type = dice.randrange(25) if dice.random() < 0.3 else tensor.data_type
    if dice.random() < 0.5:
        tensor.dims[:] = dice.choices(_SIZES, k=dice.randrange(5))
    else:
        size = 4 * dice.randrange(1 + len(tensor.raw_data) // 4)
        tensor.raw_data = dice.randbytes(size)


def _elsewhere(dice: random.Random, graph: onnx.GraphProto) -> None:
    tensor = dice.choice(graph.initializer)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=dice.choice(_PLACES))


def _operator(dice: random.Random, graph: onnx.GraphProto) -> None:
    node = dice.choice(graph.node)
    node.op_type = dice.choice(_OPERATORS)
    node.domain = dice.choice(["", "", "", "ai.onnx.ml", "com.microsoft", "nobody"])


def _wires(dice: random.Random, graph: onnx.GraphProto) -> None:
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    node = dice.choice(graph.node)
    ends = dice.choice([node.input, node.output])
    ends[dice.randrange(len(ends))] = dice.choice([*names, "", "x"])


def _nodes(dice: random.Random, graph: onnx.GraphProto) -> None:
    place = dice.randrange(len(graph.node))
    if dice.random() < 0.5:
        graph.node.append(graph.node[place])
    elif len(graph.node) > 1:
        del graph.node[place]


_CHANGES: tuple[Callable[[random.Random, onnx.GraphProto], None], ...] = (
    *(_size, _size, _type, _weights, _weights, _elsewhere, _operator, _wires, _nodes),
)


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
        if number % _SHIPPED_EVERY == 0:
            return damaged(dice, self._shipped, _WORDS, self._small)
        good = dice.choice(self._small)
        if dice.random() < 0.3:
            return damaged(dice, good, _WORDS, self._small)
        model = onnx.load_model_from_string(good)
        for _ in range(dice.choice([1, 1, 1, 2, 4])):
            dice.choice(_CHANGES)(dice, model.graph)
        return bytes(model.SerializeToString())

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
