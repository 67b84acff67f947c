"""Model files: the facts of a good one, and the sentence for every way in which one can be bad."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtstem.errors import ModelError
from rtstem.model_spec import ModelSpec, StateSpec, read_model_spec
from tests.models import tiny_model


def test_facts_of_a_spectrum_model(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx", lookahead_hops=2)
    spec = read_model_spec(path)
    assert spec == ModelSpec(
        path=path,
        name="tiny",
        sample_rate=44100,
        rates=(44100, 48000),
        domain="spectrum",
        stems=("vocals", "drums", "bass", "other"),
        fft_size=2048,
        hop=512,
        synthesis_size=1024,
        window="asymmetric-hann",
        lookahead_hops=2,
        license="CC0-1.0",
        data="none",
        metrics={"vocals_sdr": 0.0},
        input_name="spectrum",
        output_name="stems",
        states=(
            StateSpec("memory", "next_memory", (1, 2, 1025, 2)),
            StateSpec("past", "next_past", (1, 2, 2, 1025, 2)),
        ),
    )
    assert (spec.bins, spec.delay_frames) == (1025, 512 + 2 * 512)
    assert hash(spec) == hash(read_model_spec(str(path)))


def test_facts_of_a_waveform_model(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx", domain="waveform", hop=200, stems=["vocals", "rest"])
    spec = read_model_spec(path)
    assert (spec.domain, spec.input_name, spec.window) == ("waveform", "audio", "")
    assert (spec.hop, spec.fft_size, spec.synthesis_size) == (200, 200, 200)
    assert (spec.stems, spec.delay_frames) == (("vocals", "rest"), 0)
    assert spec.states == (StateSpec("memory", "next_memory", (1, 2, 200)),)


def test_waveform_lookahead_delays(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx", domain="waveform", hop=200, lookahead_hops=3)
    assert read_model_spec(path).delay_frames == 600


@pytest.mark.parametrize("domain", ["spectrum", "waveform"])
@pytest.mark.parametrize("lookahead", [0, 2])
def test_tiny_model_computes_what_its_docstring_says(
    tmp_path: Path, domain: str, lookahead: int
) -> None:
    gains, mix, leak = (0.4, 0.3, 0.2, 0.1), (0.5, -0.5, 0.25, -0.25), 0.5
    path = tiny_model(
        tmp_path / "m.onnx",
        domain,
        fft_size=64,
        hop=16,
        memory_mix=mix,
        leak=leak,
        lookahead_hops=lookahead,
    )
    onnx.checker.check_model(str(path), full_check=True)
    spec = read_model_spec(path)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {tensor.name: np.zeros(tensor.shape, np.float32) for tensor in session.get_inputs()}
    names = [tensor.name for tensor in session.get_outputs()]
    x = np.random.default_rng(1).standard_normal((6, *feed[spec.input_name].shape), np.float32)
    memory = np.zeros_like(x[0])
    for t in range(6):
        feed[spec.input_name] = x[t]
        out = dict(zip(names, session.run(None, feed), strict=True))
        y = x[t - lookahead] if t >= lookahead else np.zeros_like(memory)
        for s in range(4):
            np.testing.assert_allclose(
                out["stems"][:, s], gains[s] * y + mix[s] * memory, atol=1e-6
            )
        memory = leak * memory + y
        for state in spec.states:
            feed[state.name] = out[state.next_name]


METADATA = [
    ({"domain": "wave\nlet"}, "domain: must be one of spectrum, waveform, not 'wave let'"),
    ({"data": "x" * 20_001}, "data: is over 20000 characters long; shorten it"),
    ({"rtstem.version": None}, "rtstem.version: missing, so this is not an rtstem model"),
    ({"rtstem.version": "2"}, "rtstem.version: must be '1', not '2'"),
    ({"name": None}, "name: missing; export the model with this key in metadata_props"),
    ({"name": "  "}, "name: missing"),
    ({"license": None}, "license: missing"),
    ({"data": None}, "data: missing"),
    ({"sample_rate": "44.1k"}, "sample_rate: must be a whole number from 8000 to 192000, not '44"),
    (
        {"sample_rate": "4000"},
        "sample_rate: must be a whole number from 8000 to 192000, not '4000'",
    ),
    ({"rates": "44100;48000"}, "rates: must be a whole number from 8000 to 192000"),
    ({"rates": "48000"}, "rates: must contain the sample_rate 44100"),
    ({"rates": None}, "rates: missing"),
    ({"domain": "wavelet"}, "domain: must be one of spectrum, waveform, not 'wavelet'"),
    ({"stems": None}, "stems: missing"),
    ({"stems": "vocals"}, "stems: must be two or more different names"),
    ({"stems": "a,b,c,a"}, "stems: must be two or more different names"),
    ({"stems": "Lead Vox,drums,bass,other"}, "stems: must be lower-case names with commas"),
    ({"stems": "a,b,,c"}, "stems: must be lower-case names with commas"),
    ({"fft_size": None}, "fft_size: missing"),
    ({"fft_size": "2047"}, "fft_size: must be even, not 2047"),
    ({"fft_size": "99999999999999999999"}, "fft_size: must be a whole number from 16 to 65536"),
    ({"hop": "0"}, "hop: must be a whole number from 1 to 65536, not '0'"),
    ({"hop": "-512"}, "hop: must be a whole number from 1 to 65536, not '-512'"),
    ({"hop": "5_12"}, "hop: must be a whole number from 1 to 65536, not '5_12'"),
    ({"hop": "2048"}, "synthesis_size: must be 2, 3, ... times the hop of 2048"),
    ({"synthesis_size": None}, "synthesis_size: missing"),
    ({"synthesis_size": "512"}, "synthesis_size: must be 2, 3, ... times the hop of 512"),
    ({"synthesis_size": "1100"}, "synthesis_size: must be 2, 3, ... times the hop of 512"),
    ({"synthesis_size": "4096"}, "synthesis_size: must be a whole number from 1 to 2048"),
    ({"window": None}, "window: missing"),
    ({"window": "kaiser"}, "window: must be one of asymmetric-hann, not 'kaiser'"),
    ({"lookahead_hops": "-1"}, "lookahead_hops: must be a whole number from 0 to 64, not '-1'"),
    ({"metrics": None}, "metrics: missing"),
    ({"metrics": "good"}, "metrics: must be a JSON object"),
    ({"metrics": "[1]"}, "metrics: must be a JSON object"),
    ({"metrics": "[" * 10_000}, "metrics: must be a JSON object"),
]


def refusal(path: Path) -> str:
    """The message for a file that must be refused: one line that begins with the path."""
    with pytest.raises(ModelError) as caught:
        read_model_spec(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
    return message


@pytest.mark.parametrize(("change", "sentence"), METADATA, ids=[str(m[0])[:40] for m in METADATA])
def test_wrong_metadata(tmp_path: Path, change: dict[str, str | None], sentence: str) -> None:
    path = tiny_model(tmp_path / "m.onnx", metadata=change)
    message = refusal(path)
    assert message.startswith(f"{path}: metadata ")
    assert sentence in message


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stems": "vocals,rest"}, "output 'stems' is [1, 4, 2, 1025, 2], must be [1, 2, 2, 1025"),
        ({"fft_size": "4096"}, "input 'spectrum' is [1, 2, 1025, 2], must be [1, 2, 2049, 2]"),
        ({"domain": "waveform"}, "no input named 'audio' (there are: spectrum, memory); rename"),
    ],
)
def test_metadata_and_tensors_that_contradict(
    tmp_path: Path, change: dict[str, str | None], sentence: str
) -> None:
    assert sentence in refusal(tiny_model(tmp_path / "m.onnx", metadata=change))


def shape_of(value: Any) -> Any:
    return value.type.tensor_type.shape.dim


def dynamic_input(graph: Any) -> None:
    shape_of(graph.input[0])[0].dim_param = "batch"
    shape_of(graph.output[0])[0].dim_param = "batch"


def dynamic_state(graph: Any) -> None:
    shape_of(graph.input[1])[1].dim_param = "n"
    shape_of(graph.output[1])[1].dim_param = "n"


def without_next(graph: Any) -> None:
    del graph.output[1]


def without_stems(graph: Any) -> None:
    del graph.output[0]


def spare_output(graph: Any) -> None:
    graph.output.append(onnx.helper.make_tensor_value_info("direct", 1, [1, 4, 2, 1025, 2]))


def state_of_other_shape(graph: Any) -> None:
    node = onnx.helper.make_node("Identity", ["stems"], ["next_memory"])
    del graph.node[-1]
    graph.node.append(node)
    graph.output[1].CopyFrom(onnx.helper.make_tensor_value_info("next_memory", 1, None))


def double_stems(graph: Any) -> None:
    graph.node[4].output[0] = "single"
    graph.node.append(onnx.helper.make_node("Cast", ["single"], ["stems"], to=11))
    graph.output[0].type.tensor_type.elem_type = 11


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (dynamic_input, "'spectrum' has a dynamic or empty size ['batch', 2, 1025, 2]; export it"),
        (dynamic_state, "input 'memory' has a dynamic or empty size [1, 'n', 1025, 2]; export it"),
        (without_next, "state input 'memory' has no output 'next_memory'; add it"),
        (without_stems, "no output named 'stems' (there are: next_memory); rename it"),
        (spare_output, "output 'direct' is neither 'stems' nor 'next_' of a state input; remove"),
        (state_of_other_shape, "output 'next_memory' is [1, 4, 2, 1025, 2], but the state input"),
        (double_stems, "output 'stems' is tensor(double), must be float32"),
    ],
)
def test_wrong_tensors(tmp_path: Path, damage: Callable[[Any], None], sentence: str) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    model = onnx.load(str(path))
    damage(model.graph)
    onnx.save(model, str(path))
    assert sentence in refusal(path)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; export or download the model again"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "not an ONNX model (a damaged protobuf"),
        (b"hello, this is no model\n" * 50, "is a text file, not an ONNX model"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "is a Git LFS pointer, not the model; run `git lfs pull`",
        ),
        (b"\x08\x08", "not an ONNX model that ONNX Runtime"),
    ],
)
def test_files_that_are_no_models(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert sentence in refusal(path)


def test_truncated_model(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    path.write_bytes(path.read_bytes()[:-100])
    refusal(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert "no such file; see `rtstem models list`" in refusal(tmp_path / "m.onnx")
    assert "is a folder; give the .onnx file in it" in refusal(tmp_path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads files without permission"
)
def test_unreadable_file(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "m.onnx")
    path.chmod(0)
    assert "cannot be read (Permission denied); check its permissions" in refusal(path)


def test_refusal_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08\xff\xff")
    refusal(path)
    # a tensor name that is not UTF-8, which the message of ONNX Runtime repeats
    path.write_bytes(tiny_model(path).read_bytes().replace(b"memory", b"mem\xffry", 1))
    refusal(path)
    assert capfd.readouterr() == ("", "")


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_file_gives_a_spec_or_a_model_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    good = tiny_model(tmp_path_factory.getbasetemp() / "good.onnx", fft_size=16, hop=4)
    content = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = good.with_name("damaged.onnx")
    path.write_bytes(content)
    try:
        spec = read_model_spec(path)
    except ModelError as error:
        message = str(error)
    else:
        message = f"{spec.path}: fine"
    assert message.startswith(f"{path}: ")
    assert message.isprintable()
