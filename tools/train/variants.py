"""Other networks that the shipped family was compared with, each with its streaming step.

``tools/bench/architectures.py`` trains and measures them; none of them is shipped.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tools.train.model import STEMS, BandDecoder, ModelConfig, RMSNorm, Separator, apply_masks
from tools.train.streaming import Affine, StreamingStep, constant, masked, unit_rms

TAPS = 4  # past frames of the deep filter, besides the present one


class GatedUnit(nn.Module):
    """Residual causal block: a GRU over time (Cho et al., 2014) in place of the linear recurrence."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm, self.gru = RMSNorm(features), nn.GRU(features, features)
        self.output = nn.Linear(features, features)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``x`` is [frames, rows, N], the state [rows, N]."""
        with torch.autocast("cpu", enabled=False):
            out, last = self.gru(self.norm(x.float()), state[None])
        return x + self.output(out), last[0]


class GatedUnits(Separator):
    """The separator with GRUs over time."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.time = nn.ModuleList(GatedUnit(config.features) for _ in range(config.layers))


class GatedUnitStep(nn.Module):
    """One hop of ``GatedUnit`` for all bands."""

    def __init__(self, block: GatedUnit) -> None:
        super().__init__()
        gru = block.gru
        self.inputs = constant((gru.weight_ih_l0 * block.norm.gain).t())
        self.states = constant(gru.weight_hh_l0.t())
        self.inputs_bias, self.states_bias = constant(gru.bias_ih_l0), constant(gru.bias_hh_l0)
        self.output = Affine(block.output)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """What is added to [bands, N], and the next state."""
        given = torch.addmm(self.inputs_bias, unit_rms(x), self.inputs).chunk(3, 1)
        kept = torch.addmm(self.states_bias, state, self.states).chunk(3, 1)
        reset, update = torch.sigmoid(given[0] + kept[0]), torch.sigmoid(given[1] + kept[1])
        candidate = torch.tanh(given[2] + reset * kept[2])
        value = candidate + update * (state - candidate)
        return self.output(value), value


class GatedUnitsStep(StreamingStep):
    """One hop of ``GatedUnits``."""

    def _fold_time(self, model: Separator) -> None:
        self.units = nn.ModuleList(GatedUnitStep(block) for block in model.time)

    def along_time(self, x: Tensor, state: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        return self.units[layer](x, state)


class DeepFilter(Separator):
    """Adds to each masked stem a gated sum of the past frames of its bins (Mack & Habets, 2020).

    One complex coefficient for each stem, bin and past frame serves both channels; a gate for each
    stem and band opens from nearly zero.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.taps = BandDecoder(config)  # stems x 4 x bins: TAPS complex numbers need twice that
        self.more_taps = BandDecoder(config)
        self.gate = nn.Linear(config.hidden, len(STEMS))
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, spectrum: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        frames, batch = spectrum.shape[:2]
        hidden, state = self.hidden_features(spectrum, state)
        stems = apply_masks(self.decoder(hidden, frames, batch), spectrum)
        past = torch.cat([spectrum.new_zeros(TAPS, *spectrum.shape[1:]), spectrum])
        gate = torch.sigmoid(self.gate(hidden).float()).view(frames, batch, -1, len(STEMS))
        gate = per_bin(gate, self.config)
        for pair, decoder in enumerate((self.taps, self.more_taps)):
            # [T, B, stems, 2 taps, bins, 2]: the decoder's channels hold two taps
            taps = torch.view_as_complex(decoder(hidden, frames, batch).float().contiguous())
            for k in range(2):
                back = TAPS - 1 - (2 * pair + k)
                frame = torch.view_as_complex(past[back : back + frames].contiguous())
                part = (taps[:, :, :, k] * gate)[:, :, :, None] * frame[:, :, None]
                stems = stems + torch.view_as_real(part)
        return stems, state


def per_bin(gate: Tensor, config: ModelConfig) -> Tensor:
    """Gates of bands [T, B, bands, stems] as gates of bins [T, B, stems, bins]."""
    widths = [width for count, width in config.groups for _ in range(count)]
    return gate.repeat_interleave(torch.tensor(widths), 2).movedim(-1, 2)


class DeepFilterStep(StreamingStep):
    """One hop of ``DeepFilter``; the last four spectra are one more state."""

    def __init__(self, model: DeepFilter) -> None:
        super().__init__(model)
        self.gate = Affine(model.gate)
        widths = [width for count, width in self.groups for _ in range(count)]
        self.band_of_bin = constant(torch.zeros(self.bins))
        self.band_of_bin.data = torch.arange(len(widths)).repeat_interleave(torch.tensor(widths))
        folded = [self.folded(decoder) for decoder in (model.taps, model.more_taps)]
        self.tap_weights = nn.ModuleList(weights for weights, _ in folded)
        self.tap_biases = nn.ParameterList(bias for _, bias in folded)

    def waiting(self) -> dict[str, Tensor]:
        return {"past": torch.zeros(TAPS, 2, 2, self.bins)}

    def forward(self, spectrum: Tensor, state: Tensor, *waiting: Tensor) -> tuple[Tensor, ...]:
        planar, past = spectrum[0, :, : self.bins].transpose(1, 2), waiting[0]
        x, next_state = self.layers_of(self.encode(planar) + self.encoder_bias, state)
        hidden = F.silu(self.hidden(unit_rms(x)))
        stems = self.decode_hidden(hidden, planar)[0]
        gate = torch.sigmoid(self.gate(hidden)).index_select(0, self.band_of_bin).t()
        for pair, bias in enumerate(self.tap_biases):
            # [re/im, stems, 2 taps, bins]
            taps = (self.planes(hidden, self.tap_weights[pair]) + bias) * gate[:, None]
            for k in range(2):
                stems = stems + masked(taps[:, :, k : k + 1], past[TAPS - 1 - (2 * pair + k)])
        return stems[None], next_state, torch.cat([past[1:], planar[None]])


def macs(model: Separator) -> float:
    """Millions of multiplications a hop: matrices that all bands share count once a band."""
    total = 0.0
    for name, weight in model.named_parameters():
        shared = weight.dim() == 2 and "embedding" not in name
        total += weight.numel() * (model.config.bands if shared else 1)
    return total / 1e6
