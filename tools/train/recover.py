"""Gets a model for training back out of an exported ONNX file: the inverse of ``streaming.py``.

What was folded stays folded: gains of norms are one and embeddings hold the biases, so the model
computes the same, and training goes on from it without the checkpoint that it was exported from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx.numpy_helper import to_array
from torch import Tensor

from tools.train.checkpoint import load_average
from tools.train.model import MASK_PRIOR, STEMS, ModelConfig, Separator
from tools.train.paths import run_dir

AFFINE = {
    "time_in": "time.{}.inputs", "time_out": "time.{}.output",
    "band_in": "across.{}.inputs", "band_out": "across.{}.output",
}  # fmt: skip


def named(name: str) -> Separator:
    """The network in an exported .onnx file, or the averaged one of the run of that name."""
    if name.endswith(".onnx"):
        return recovered(Path(name))
    return load_average(run_dir(name) / "last.pt")[0]


def recovered(path: Path) -> Separator:
    """The separator in a file that ``export.py`` wrote.

    Raises KeyError where the file holds another kind of network.
    """
    proto = onnx.load(path)
    weights = {i.name: torch.from_numpy(np.array(to_array(i))) for i in proto.graph.initializer}
    facts = {entry.key: entry.value for entry in proto.metadata_props}
    lookahead = int(facts["lookahead_hops"])
    embedding = weights["future.bias" if lookahead else "encoder_bias"]
    config = ModelConfig(
        features=embedding.shape[1],
        layers=sum(name.startswith("time_out.") for name in weights) // 2,
        hidden=len(weights["hidden.bias"]),
        fft_size=int(facts["fft_size"]),
        hop=int(facts["hop"]),
        lookahead=lookahead,
    )
    model = Separator(config)
    _affine(model.hidden, "hidden", weights)
    for layer in range(config.layers):
        for folded, name in AFFINE.items():
            _affine(model.get_submodule(name.format(layer)), f"{folded}.{layer}", weights)
    model.encoder.embedding.data = embedding
    _encoder(model, weights)
    _decoder(model, weights)
    if model.future is not None:
        model.future.inputs.weight.data = weights["future.weight"].t().contiguous()
        model.future.inputs.bias.data = weights["future.inputs_bias"]
        _affine(model.future.output, "future.output", weights)
    return model.eval()


def _affine(linear: torch.nn.Linear, name: str, weights: dict[str, Tensor]) -> None:
    linear.weight.data = weights[f"{name}.weight"].t().contiguous()
    linear.bias.data = weights[f"{name}.bias"]


def _encoder(model: Separator, weights: dict[str, Tensor]) -> None:
    """Files of old have no weights for the side or for magnitudes: zeros change nothing."""
    encoder = model.encoder
    for group, (count, width) in enumerate(model.config.groups):
        folded = weights[f"encoders.{group}"]
        inputs = folded.shape[1] // (2 * width)  # real and imaginary part, and the magnitude
        rows = 2 * inputs * width  # after them, the side
        planar = folded[:, :rows].view(count, 2, inputs, width, -1)
        whole = torch.zeros_like(encoder.weights[group])
        channels = whole[:, : 6 * width].view(count, 2, width, 3, -1)
        channels[..., :inputs, :] = planar.transpose(2, 3)
        whole[:, 6 * width : 6 * width + folded.shape[1] - rows] = folded[:, rows:]
        encoder.weights[group].data = whole
        encoder.biases[group].data.zero_()


def _decoder(model: Separator, weights: dict[str, Tensor]) -> None:
    decoder, stems, first = model.decoder, len(STEMS), 0
    for group, (count, width) in enumerate(model.config.groups):
        planar = weights[f"decoders.{group}"]
        by_bin = planar.view(count, -1, 2, stems, 2, width).permute(0, 1, 3, 4, 5, 2)
        decoder.weights[group].data = by_bin.reshape(planar.shape)
        part = weights["decoder_bias"][..., first : first + count * width].clone()
        part[0] -= MASK_PRIOR
        part = part.view(2, stems, 2, count, width).permute(3, 1, 2, 4, 0)
        decoder.biases[group].data = part.reshape(count, 1, -1)
        first += count * width
