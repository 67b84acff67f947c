"""Writes a checkpoint as a streaming ONNX file: ``python -m tools.train.export RUN OUT.onnx``."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

import onnx
import torch

from tools.train.growth import blended
from tools.train.model import STEMS, Separator
from tools.train.recover import named
from tools.train.streaming import StreamingStep

LICENSE = "research and non-commercial use; see the card"
DATA = (
    "solo singing from research data sets mixed with rendered MIDI songs, drum and bass samples "
    "and instrumental game music; sources in the card"
)


def metadata(model: Separator, name: str, metrics: dict[str, object]) -> dict[str, str]:
    """What an engine needs to know of the file; every value is a string."""
    config = model.config
    return {
        "rtstem.version": "1",
        "name": name,
        "sample_rate": "44100",
        "rates": "44100,48000",
        "domain": "spectrum",
        "stems": ",".join(STEMS),
        "fft_size": str(config.fft_size),
        "hop": str(config.hop),
        "synthesis_size": str(2 * config.hop),
        "window": "asymmetric-hann",
        "lookahead_hops": str(config.lookahead),
        "license": LICENSE,
        "data": DATA,
        "metrics": json.dumps(metrics),
    }


def declare_shapes(graph: onnx.ModelProto, outputs: tuple[torch.Tensor, ...]) -> None:
    """Write the sizes of the outputs into the graph: the tracer leaves some of them open."""
    for value, output in zip(graph.graph.output, outputs, strict=True):
        for axis, size in zip(value.type.tensor_type.shape.dim, output.shape, strict=True):
            axis.dim_value = size


def export(
    model: Separator,
    path: Path,
    name: str,
    metrics: dict[str, object],
    streaming: type[StreamingStep] = StreamingStep,
) -> None:
    """Trace one hop and save it with its metadata."""
    step = streaming(model.eval()).eval()
    waiting = {"state": model.initial_state(1), **step.waiting()}
    example = (torch.randn(1, 2, model.config.fft_size // 2 + 1, 2) * 0.1, *waiting.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step, example, str(path), opset_version=17, dynamo=False,
            input_names=["spectrum", *waiting],
            output_names=["stems", *(f"next_{state}" for state in waiting)],
        )  # fmt: skip
    graph = onnx.load(path)
    declare_shapes(graph, step(*example))
    onnx.helper.set_model_props(graph, metadata(model, name, metrics))
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a training run, an exported .onnx, or 'untrained'")
    parser.add_argument("out", type=Path)
    parser.add_argument("--name", default="live", help="name of the model in the file")
    parser.add_argument("--metrics", type=Path, help="JSON of evaluate.py to put into the file")
    parser.add_argument("--blend", help="a run or an .onnx, such as the one it began with")
    parser.add_argument("--share", type=float, default=0.5, help="of the run's weights in a blend")
    args = parser.parse_args()
    metrics = json.loads(args.metrics.read_text())["summary"] if args.metrics else {}
    model = Separator() if args.run == "untrained" else named(args.run)
    if args.blend:
        model.load_state_dict(blended(model, named(args.blend), args.share))
    export(model, args.out, args.name, metrics)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
