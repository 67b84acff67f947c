"""Tiny valid models with a known answer, for every test that needs an .onnx file.

    from tests.models import DEFAULT_GAINS, tiny_model

    path = tiny_model(tmp_path / "tiny.onnx")  # spectrum, 4 stems, 2048/1024/512
    path = tiny_model(tmp_path / "wave.onnx", domain="waveform", hop=256)

What the model computes, x being the input hop (spectrum frame or samples) and m its memory:

    y         = x, or the x of `lookahead_hops` hops ago
    stem s    = gains[s] * y + memory_mix[s] * m
    next m    = leak * m + y

With the defaults (`memory_mix` all zero) stem s is exactly `gains[s]` times the input, at the delay
that ModelSpec.delay_frames declares, and the stems sum to the input since the gains sum to 1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rtstem.model_spec import read_model_spec
from rtstem.provider_choice import compare
from rtstem.rt.separator import Separator

STEMS = ("vocals", "drums", "bass", "other")
DEFAULT_GAINS = (0.4, 0.3, 0.2, 0.1)


def tiny_model(
    path: str | Path,
    domain: str = "spectrum",
    stems: int | Sequence[str] = 4,
    fft_size: int = 2048,
    hop: int = 512,
    synthesis_size: int | None = None,
    *,
    gains: Sequence[float] | None = None,
    memory_mix: Sequence[float] | None = None,
    leak: float = 0.5,
    lookahead_hops: int = 0,
    metadata: Mapping[str, str | None] | None = None,
) -> Path:
    """Write a tiny model to `path` and return it.

    stems: how many of STEMS ("stem4", "stem5"... beyond them), or the names themselves.
    synthesis_size: 2 * hop when not given; the waveform domain has none.
    gains: one a stem; DEFAULT_GAINS for 4 stems, else equal parts of 1.
    memory_mix: how much of the memory each stem hears; let it sum to 0 and the stems still sum to
        the input.
    metadata: values that replace the right ones; None leaves a key out (to build broken files).
    """
    names = _stem_names(stems)
    if gains is None:
        gains = DEFAULT_GAINS if len(names) == 4 else [1 / len(names)] * len(names)
    mix = [0.0] * len(names) if memory_mix is None else memory_mix
    frame = [fft_size // 2 + 1, 2] if domain == "spectrum" else [hop]
    model = _graph(
        "spectrum" if domain == "spectrum" else "audio", frame, gains, mix, leak, lookahead_hops
    )
    facts: dict[str, str | None] = {
        "rtstem.version": "1",
        "name": "tiny",
        "sample_rate": "44100",
        "rates": "44100,48000",
        "domain": domain,
        "stems": ",".join(names),
        "hop": str(hop),
        "lookahead_hops": str(lookahead_hops),
        "license": "CC0-1.0",
        "data": "none",
        "metrics": json.dumps({"vocals_sdr": 0.0}),
    }
    if domain == "spectrum":
        facts |= {
            "fft_size": str(fft_size),
            "synthesis_size": str(synthesis_size or 2 * hop),
            "window": "asymmetric-hann",
        }
    facts |= metadata or {}
    helper.set_model_props(model, {k: v for k, v in facts.items() if v is not None})
    onnx.save(model, str(path))
    return Path(path)


def busy_model(path: str | Path, every: int, milliseconds: float, **shape: Any) -> Path:
    """A tiny model (`shape` as there) that works for so long in every so-manieth hop, from the first."""
    each_ns = _busy(path, 1, 8, shape)
    trips = max(1, round(milliseconds * 1e6 / each_ns))
    _busy(path, every, trips, shape, timed=False)
    return Path(path)


def _busy(
    path: str | Path, every: int, trips: int, shape: dict[str, Any], timed: bool = True
) -> float:
    """Write the model with `trips` products of two matrices; how long one takes, ns, where timed."""
    model = onnx.load(str(tiny_model(path, **shape)))
    graph, size = model.graph, 256
    for node in graph.node:
        node.output[:] = ["plain" if name == "stems" else name for name in node.output]
    constants = {
        "turn": np.roll(np.eye(size, dtype=np.float32), 1, 0),
        "start": np.ones((size, size), np.float32),
        "every": np.array([every], np.float32),
        "trips": np.array(trips, np.int64),
        "nothing": np.array(0, np.int64),
        "zero": np.array(0, np.float32),
        "first": np.array([0], np.float32),
        "next": np.array([1], np.float32),
        "scalar": np.array([], np.int64),
        "go_on": np.array(True),
    }
    graph.initializer.extend(numpy_helper.from_array(a, name) for name, a in constants.items())
    square = [size, size]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("MatMul", ["m", "turn"], ["product"]),
        ],
        "work",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            _value("m", square),
        ],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []), _value("product", square)],
    )
    graph.input.append(_value("count", [1]))
    graph.output.append(_value("next_count", [1]))
    graph.node.extend(
        [
            helper.make_node("Add", ["count", "next"], ["next_count"]),
            helper.make_node("Mod", ["count", "every"], ["phase"], fmod=1),
            helper.make_node("Equal", ["phase", "first"], ["turn_has_come"]),
            helper.make_node("Reshape", ["turn_has_come", "scalar"], ["busy"]),
            helper.make_node("Where", ["busy", "trips", "nothing"], ["count_of_trips"]),
            helper.make_node("Loop", ["count_of_trips", "go_on", "start"], ["worked"], body=body),
            helper.make_node("ReduceMax", ["worked"], ["top"], keepdims=0),
            helper.make_node("Mul", ["top", "zero"], ["no_sound"]),
            helper.make_node("Add", ["plain", "no_sound"], ["stems"]),
        ]
    )
    onnx.save(model, str(path))
    if not timed:
        return 0.0
    separator = Separator(read_model_spec(path))
    hops = compare({"busy": separator}, paced=False)["busy"]
    separator.close()
    return 1000 * hops.p50 / trips


def bind_nothing(separator: Separator) -> None:
    """Take a separator's tensors away: every run returns an error status from now on."""
    session = separator._session
    separator.state.calls[:, 3] = session._new("IoBinding", session._session).value


def _stem_names(stems: int | Sequence[str]) -> list[str]:
    if isinstance(stems, int):
        return [STEMS[i] if i < len(STEMS) else f"stem{i}" for i in range(stems)]
    return list(stems)


def _graph(
    input_name: str,
    frame: list[int],
    gains: Sequence[float],
    mix: Sequence[float],
    leak: float,
    lookahead: int,
) -> onnx.ModelProto:
    """The graph of the module's docstring: signal [1, 2, *frame], stems [1, S, 2, *frame]."""
    signal, count = [1, 2, *frame], len(gains)
    per_stem = [1, count, 1, *[1] * len(frame)]
    inputs = [_value(input_name, signal), _value("memory", signal)]
    outputs = [_value("stems", [1, count, 2, *frame]), _value("next_memory", signal)]
    constants = {
        "gains": np.array(gains, np.float32).reshape(per_stem),
        "mix": np.array(mix, np.float32).reshape(per_stem),
        "leak": np.array(leak, np.float32),
        "axis_stem": np.array([1], np.int64),
    }
    nodes = []
    y = input_name
    if lookahead:
        past = [1, lookahead, 2, *frame]
        inputs.append(_value("past", past))
        outputs.append(_value("next_past", past))
        constants |= {
            "axis_first": np.array(0, np.int64),
            "one": np.array([1], np.int64),
            "end": np.array([lookahead + 1], np.int64),
        }
        nodes += [
            helper.make_node("Unsqueeze", [input_name, "axis_stem"], ["newest"]),
            helper.make_node("Concat", ["past", "newest"], ["line"], axis=1),
            helper.make_node("Gather", ["line", "axis_first"], ["y"], axis=1),
            helper.make_node("Slice", ["line", "one", "end", "one"], ["next_past"]),
        ]
        y = "y"
    nodes += [
        helper.make_node("Unsqueeze", [y, "axis_stem"], ["y_stem"]),
        helper.make_node("Unsqueeze", ["memory", "axis_stem"], ["m_stem"]),
        helper.make_node("Mul", ["y_stem", "gains"], ["direct"]),
        helper.make_node("Mul", ["m_stem", "mix"], ["remembered"]),
        helper.make_node("Add", ["direct", "remembered"], ["stems"]),
        helper.make_node("Mul", ["memory", "leak"], ["leaked"]),
        helper.make_node("Add", ["leaked", y], ["next_memory"]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, tensors)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="rtstem"
    )


def _value(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
