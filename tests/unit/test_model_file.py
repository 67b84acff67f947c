"""A model file is one regular file with all of the model in it, or it is refused before it is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from rtstem.errors import ModelError
from rtstem.model_file import MAX_BYTES, check_model_file
from rtstem.model_spec import read_model_spec
from rtstem.resources import find_model
from tests.models import tiny_model


def elsewhere(name: str = "w", place: str = "../secret.bin") -> TensorProto:
    """A tensor whose values are in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def in_weights(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(elsewhere())


def in_sparse_weights(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(elsewhere())


def in_a_constant(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=elsewhere()))


def in_a_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([], "branch", [], [], [elsewhere()])
    deep = helper.make_graph(
        [helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)], "b", [], []
    )
    model.graph.node.append(
        helper.make_node("If", ["x"], ["y"], then_branch=deep, else_branch=deep)
    )


def in_a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["c"], value=elsewhere())
    opset = [helper.make_opsetid("", 17)]
    model.functions.append(helper.make_function("x", "f", [], ["c"], [node], opset))


def without_saying_so(model: onnx.ModelProto) -> None:
    tensor = elsewhere()
    tensor.ClearField("data_location")
    model.graph.initializer.append(tensor)


@pytest.mark.parametrize(
    "hide",
    [in_weights, in_sparse_weights, in_a_constant, in_a_branch, in_a_function, without_saying_so],
)
def test_weights_in_other_files_are_refused(
    tmp_path: Path, hide: Callable[[onnx.ModelProto], None]
) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    hide(model)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="keeps its weights in other files; save it as one file"):
        read_model_spec(path)


@pytest.mark.parametrize("model", ["live", "tiny", "wave"])
def test_whole_models_pass(tmp_path: Path, model: str) -> None:
    if model == "live":
        path = find_model("live")
    else:
        domain = "spectrum" if model == "tiny" else "waveform"
        path = tiny_model(tmp_path / "m.onnx", domain, hop=64, lookahead_hops=1)
    check_model_file(path)


@pytest.mark.parametrize(
    "damage",
    [b"\x3b", b"\x3a\xff\x7f", b"\x3a\x02\x0b", b"\x3a" + b"\xff" * 10, b"\x00\x01", b"\x3a"],
)
def test_what_hides_behind_damage_is_refused(tmp_path: Path, damage: bytes) -> None:
    """A walk that gives up must not let through what ONNX Runtime's own reader might find."""
    path = tmp_path / "m.onnx"
    inside = damage.startswith(b"\x3a\x02")
    path.write_bytes(b"\x08\x08" + damage + (b"\x00" if inside else b""))
    with pytest.raises(ModelError, match=r"not an ONNX model \("):
        check_model_file(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices of POSIX systems")
def test_endless_files_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is not a regular file"):
        check_model_file(Path("/dev/zero"))
    pipe = tmp_path / "pipe.onnx"
    os.mkfifo(pipe)
    with pytest.raises(ModelError, match="is not a regular file"):
        check_model_file(pipe)


def test_files_larger_than_the_format_allows(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08")
    os.truncate(path, MAX_BYTES + 1)  # a hole: it takes no room
    with pytest.raises(ModelError, match="is over 2 GiB"):
        check_model_file(path)


@pytest.mark.parametrize("shape", [[1 << 40], [1 << 32, 1 << 32], [1 << 26, 2]])
def test_states_that_no_memory_holds(tmp_path: Path, shape: list[int]) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    for name, values in (("big", model.graph.input), ("next_big", model.graph.output)):
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    model.graph.node.append(helper.make_node("Identity", ["big"], ["next_big"]))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="is too large; make the model smaller"):
        read_model_spec(path)


def test_many_large_states(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    for number in range(3):
        for name, values in (
            (f"big{number}", model.graph.input),
            (f"next_big{number}", model.graph.output),
        ):
            values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1 << 25]))
        node = helper.make_node("Identity", [f"big{number}"], [f"next_big{number}"])
        model.graph.node.append(node)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="too large together"):
        read_model_spec(path)
