"""Models that fail when the music is loud: a fault in mid-stream, at a known frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

LOUD = 0.3
"""Peak of the model's input from which it fails; noise of 0.1 stays far below, a sine of 0.8 above."""
FAILURES = {"error": [1.0], "nan": [1.0, float("nan")]}
"""What the stems are multiplied with: entry 0 of the list, or entry 1 when it is loud, which ONNX
Runtime refuses where there is none."""


def failing_model(source: str | Path, target: str | Path, failure: str) -> Path:
    """Write the model `source` to `target` with a `failure` (of FAILURES) in its loud hops."""
    model = onnx.load(str(source))
    graph = model.graph
    signal, stems = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        node.output[:] = ["sound_stems" if name == stems else name for name in node.output]
    constants = {
        "loud_from": np.array(LOUD, np.float32),
        "factors": np.array(FAILURES[failure], np.float32),
    }
    graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in constants.items())
    graph.node.extend(
        [
            helper.make_node("Abs", [signal], ["size"]),
            helper.make_node("ReduceMax", ["size"], ["peak"], keepdims=0),
            helper.make_node("Greater", ["peak", "loud_from"], ["is_loud"]),
            helper.make_node("Cast", ["is_loud"], ["which"], to=onnx.TensorProto.INT64),
            helper.make_node("Gather", ["factors", "which"], ["factor"]),
            helper.make_node("Mul", ["sound_stems", "factor"], [stems]),
        ]
    )
    onnx.save(model, str(target))
    return Path(target)
