"""The facts of a model file: metadata and tensor shapes of an .onnx file, checked, as ModelSpec.

Only this module knows how the facts are written in the file; the rest of rtstem reads ModelSpec.
The file is opened with ONNX Runtime itself, without optimising the graph, so that a file that
passes here is one that the engine can load.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import ModelError
from .model_file import check_model_file
from .model_metadata import FFT_RANGE, Metadata

DOMAINS = ("spectrum", "waveform")
CHANNELS = 2
MAX_ELEMENTS = 1 << 26
"""Of a tensor, and of all states together: far beyond what runs in real time."""
OUTPUT_NAME = "stems"
NEXT_PREFIX = "next_"
_INPUT_NAMES = {"spectrum": "spectrum", "waveform": "audio"}


@dataclass(frozen=True)
class StateSpec:
    """One recurrent tensor: the graph reads `name` and writes `next_name`, float32, same shape."""

    name: str
    next_name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelSpec:
    """What the engine must know of a model; all sizes in frames (samples per channel)."""

    path: Path
    name: str
    sample_rate: int
    """Rate the model was trained at, Hz."""
    rates: tuple[int, ...]
    """Device rates that the same weights serve, Hz; `sample_rate` is one of them."""
    domain: str
    """`spectrum`: one STFT frame in, one a stem out; `waveform`: one hop of samples."""
    stems: tuple[str, ...]
    fft_size: int
    """Analysis frame; equals `hop` in the waveform domain."""
    hop: int
    synthesis_size: int
    """Last part of the frame that the inverse transform uses; equals `hop` for waveform."""
    window: str
    """Name of the window pair; empty in the waveform domain."""
    lookahead_hops: int
    license: str
    data: str
    metrics: dict[str, Any] = field(hash=False)
    input_name: str
    output_name: str
    states: tuple[StateSpec, ...]

    @property
    def bins(self) -> int:
        """Bins of the one-sided spectrum."""
        return self.fft_size // 2 + 1

    @property
    def delay_frames(self) -> int:
        """Delay of the model's output against its input, after the hop that was fed last."""
        return self.synthesis_size - self.hop + self.lookahead_hops * self.hop


def read_model_spec(path: str | Path) -> ModelSpec:
    """Open the .onnx file at `path` and return its checked facts.

    Raises ModelError, one line with the file and the cure, for a file that is missing, empty, not
    ONNX, without the metadata of rtstem, or with tensors that do not fit them.
    """
    path = Path(path)
    check_model_file(path)
    facts, tensors = _open(path)
    return _build(path, facts, tensors)


def _build(path: Path, facts: Metadata, tensors: _Tensors) -> ModelSpec:
    """Read the metadata in `facts`, then hold the `tensors` of the graph against them."""
    facts.version()
    domain = facts.choice("domain", DOMAINS)
    stems = facts.stems()
    rates, sample_rate = facts.rates()
    hop = facts.integer("hop", 1, FFT_RANGE[1])
    fft_size, synthesis_size, window = facts.geometry(domain, hop)
    bins = fft_size // 2 + 1
    frame = (bins, 2) if domain == "spectrum" else (hop,)
    input_name = _INPUT_NAMES[domain]
    tensors.expect_input(input_name, (1, CHANNELS, *frame))
    tensors.expect_output(OUTPUT_NAME, (1, len(stems), CHANNELS, *frame), stems)
    return ModelSpec(
        path=path,
        name=facts.text("name"),
        sample_rate=sample_rate,
        rates=rates,
        domain=domain,
        stems=stems,
        fft_size=fft_size,
        hop=hop,
        synthesis_size=synthesis_size,
        window=window,
        lookahead_hops=facts.integer("lookahead_hops", 0, 64),
        license=facts.text("license"),
        data=facts.text("data"),
        metrics=facts.metrics(),
        input_name=input_name,
        output_name=OUTPUT_NAME,
        states=tensors.states(input_name),
    )


def _open(path: Path) -> tuple[Metadata, _Tensors]:
    """Let ONNX Runtime parse and check the graph, without optimising it, on one thread."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal only: what is wrong is told by our own error
    try:
        session = ort.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # else it prints a banner and tries the same again
        )
        facts = Metadata(path, session.get_modelmeta().custom_metadata_map)
        return facts, _Tensors(path, session.get_inputs(), session.get_outputs())
    except Exception as error:  # ONNX Runtime's exceptions have no common public base
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(
            f"{path}: not an ONNX model that ONNX Runtime {ort.__version__} can load "
            f"({lines[0][:200]}); export or download it again"
        ) from None


class _Tensors:
    """Inputs and outputs of the graph, held against what the metadata promise."""

    def __init__(self, path: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self._path = path
        self._inputs = {tensor.name: tensor for tensor in inputs}
        self._outputs = {tensor.name: tensor for tensor in outputs}

    def expect_input(self, name: str, shape: tuple[int, ...]) -> None:
        self._expect("input", self._inputs, name, shape, "fft_size, hop")

    def expect_output(self, name: str, shape: tuple[int, ...], stems: Sequence[str]) -> None:
        cause = f"stems={','.join(stems)}, fft_size, hop"
        self._expect("output", self._outputs, name, shape, cause)

    def states(self, input_name: str) -> tuple[StateSpec, ...]:
        """The inputs beside the signal, each with its `next_` output; none may be left over."""
        names = [name for name in self._inputs if name != input_name]
        for name in self._outputs:
            if name != OUTPUT_NAME and name.removeprefix(NEXT_PREFIX) not in names:
                raise self._fail(
                    f"output '{name}' is neither '{OUTPUT_NAME}' nor 'next_' of a state input; "
                    "remove it or add the input"
                )
        states = tuple(self._state(name) for name in names)
        if sum(math.prod(state.shape) for state in states) > MAX_ELEMENTS:
            raise self._fail("the states are too large together; make the model smaller")
        return states

    def _state(self, name: str) -> StateSpec:
        next_name = NEXT_PREFIX + name
        if next_name not in self._outputs:
            raise self._fail(f"state input '{name}' has no output '{next_name}'; add it")
        shape = self._shape("input", self._inputs[name])
        next_shape = self._shape("output", self._outputs[next_name])
        if shape != next_shape:
            raise self._fail(
                f"output '{next_name}' is {list(next_shape)}, but the state input '{name}' is "
                f"{list(shape)}; they must be equal"
            )
        return StateSpec(name, next_name, shape)

    def _expect(
        self, kind: str, tensors: Mapping[str, Any], name: str, shape: tuple[int, ...], cause: str
    ) -> None:
        if name not in tensors:
            there = ", ".join(tensors) or "none"
            raise self._fail(f"no {kind} named '{name}' (there are: {there}); rename it")
        found = self._shape(kind, tensors[name])
        if found != shape:
            raise self._fail(
                f"{kind} '{name}' is {list(found)}, must be {list(shape)} by the metadata "
                f"({cause}); correct one of them"
            )

    def _shape(self, kind: str, tensor: Any) -> tuple[int, ...]:
        if tensor.type != "tensor(float)":
            raise self._fail(f"{kind} '{tensor.name}' is {tensor.type}, must be float32")
        shape = tensor.shape
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise self._fail(
                f"{kind} '{tensor.name}' has a dynamic or empty size {shape}; "
                "export it with static shapes"
            )
        if math.prod(shape) > MAX_ELEMENTS:
            raise self._fail(f"{kind} '{tensor.name}' {shape} is too large; make the model smaller")
        return tuple(shape)

    def _fail(self, problem: str) -> ModelError:
        return ModelError(f"{self._path}: {problem}")
