"""One hop of the separator as a lean graph for ONNX: folded weights, static shapes, no loops.

The recurrence over bands becomes a scan in two levels (9 runs of 4 for 36 bands), norm gains and the
mask prior are folded into matrices and biases, and all hidden states lie in one tensor.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tools.train.model import MASK_PRIOR, STEMS, BandDecoder, RMSNorm, Separator

SCAN_ROWS = 4  # must divide the number of bands


def constant(tensor: Tensor) -> nn.Parameter:
    """A weight of the exported graph."""
    return nn.Parameter(tensor.detach().clone().contiguous(), requires_grad=False)


def unit_rms(x: Tensor) -> Tensor:
    """RMS normalisation without its gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def scan_bands(decay: Tensor, value: Tensor) -> Tensor:
    """`y[k] = value[k] + decay[k] * y[k - 1]` over the first axis, `[bands, n]`, in two levels.

    Runs of SCAN_ROWS bands side by side, then from the end of each run to the next: a fifth faster
    in the whole model than doubling, which moves more memory.
    """
    bands = len(value)
    blocks = bands // SCAN_ROWS
    values = list(value.view(blocks, SCAN_ROWS, -1).split(1, 1))
    decays = list(decay.view(blocks, SCAN_ROWS, -1).split(1, 1))
    for row in range(1, SCAN_ROWS):
        values[row] = values[row] + decays[row] * values[row - 1]
        decays[row] = decays[row] * decays[row - 1]
    ends, through = values[-1].split(1, 0), decays[-1].split(1, 0)
    carried = [torch.zeros_like(ends[0]), ends[0]]
    for block in range(1, blocks - 1):
        carried.append(ends[block] + through[block] * carried[-1])
    return (torch.cat(values, 1) + torch.cat(decays, 1) * torch.cat(carried)).view(bands, -1)


def masked(mask: Tensor, planar: Tensor) -> Tensor:
    """Masks [re/im, stems, 1 or 2, bins] on a mixture [2, re/im, bins]: [stems, 2, bins + 1, 2]."""
    real, imag = planar[:, 0], planar[:, 1]
    product = [mask[0] * real - mask[1] * imag, mask[0] * imag + mask[1] * real]
    return F.pad(torch.stack(product, -1), (0, 0, 0, 1))  # the Nyquist bin is zero


class Affine(nn.Module):
    """x @ W + b, with the gain of a norm before it folded in."""

    def __init__(self, linear: nn.Linear, norm: RMSNorm | None = None) -> None:
        super().__init__()
        weight = linear.weight if norm is None else linear.weight * norm.gain[None]
        self.weight, self.bias = constant(weight.t()), constant(linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x, self.weight)


class FutureStep(nn.Module):
    """One hop of ``Lookahead``: features [h, K, N] and spectra [h, 2, 2, 1024] wait in a queue."""

    def __init__(self, model: Separator, bias: Tensor) -> None:
        super().__init__()
        future = model.future
        self.bias, self.hops = constant(bias), future.hops
        gains = future.norm.gain.repeat(self.hops)  # of the newest frames, oldest first
        self.weight = constant(future.inputs.weight.t() * gains[:, None])
        self.inputs_bias = constant(future.inputs.bias)
        self.output = Affine(future.output)

    def forward(self, line: Tensor) -> Tensor:
        """The hop that is now complete, from features of it and of all later ones, unbiased."""
        x = line + self.bias
        later = unit_rms(x[1:]).transpose(0, 1).flatten(1)
        return x[0] + self.output(F.silu(torch.addmm(self.inputs_bias, later, self.weight)))


class StreamingStep(nn.Module):
    """Spectrum [1, 2, 1025, 2] and state [L, K, N] to stems [1, 4, 2, 1025, 2] and next state.

    With a look-ahead of h hops also features [h, K, N] and spectra [h, 2, 2, 1024] that wait.
    """

    def __init__(self, model: Separator) -> None:
        super().__init__()
        self.features, self.bands = model.config.features, model.config.bands
        self.layers, self.groups = model.config.layers, model.config.groups
        self.bins = model.config.fft_size // 2
        self._fold_encoder(model)
        self.decoders, self.decoder_bias = self.folded(model.decoder)
        self.decoder_bias.data[0] += MASK_PRIOR
        self._fold_time(model)
        self.band_in = nn.ModuleList(Affine(b.inputs, b.norm) for b in model.across)
        self.band_out = nn.ModuleList(Affine(b.output) for b in model.across)
        self.hidden = Affine(model.hidden, model.norm)
        self.future = FutureStep(model, self.encoder_bias) if model.future is not None else None
        self.mirror = constant(torch.arange(self.bands - 1, -1, -1).float())
        self.mirror.data = self.mirror.data.long()

    def waiting(self) -> dict[str, Tensor]:
        """The states besides the recurrent one, as they begin: what waits for a look-ahead."""
        if self.future is None:
            return {}
        return {
            "features": torch.zeros(self.future.hops, self.bands, self.features),
            "spectra": torch.zeros(self.future.hops, 2, 2, self.bins),
        }

    def _fold_encoder(self, model: Separator) -> None:
        """Weights for inputs ordered (channel, re/im/level, bin), then the level of the side.

        Embeddings join the biases.
        """
        self.encoders, biases = nn.ParameterList(), []
        encoder = model.encoder
        groups = zip(model.config.groups, encoder.weights, encoder.biases, strict=True)
        for (count, width), weight, bias in groups:
            by_bin = weight[:, : 6 * width].view(count, 2, width, 3, -1).transpose(2, 3)
            planar = by_bin.reshape(count, 6 * width, -1)
            self.encoders.append(constant(torch.cat([planar, weight[:, 6 * width :]], 1)))
            biases.append(bias[:, 0])
        self.encoder_bias = constant(torch.cat(biases) + encoder.embedding)

    def _fold_time(self, model: Separator) -> None:
        self.time_in = nn.ModuleList(Affine(b.inputs, b.norm) for b in model.time)
        self.time_out = nn.ModuleList(Affine(b.output) for b in model.time)

    def folded(self, decoder: BandDecoder) -> tuple[nn.ParameterList, nn.Parameter]:
        """Weights for masks ordered (re/im, stem, channel, bin), and biases in that order."""
        folded, biases, stems = nn.ParameterList(), [], len(STEMS)
        groups = zip(self.groups, decoder.weights, decoder.biases, strict=True)
        for (count, width), weight, bias in groups:
            planar = weight.view(count, -1, stems, 2, width, 2).permute(0, 1, 5, 2, 3, 4)
            folded.append(constant(planar.reshape(count, weight.shape[1], -1)))
            part = bias.view(count, stems, 2, width, 2)
            biases.append(part.permute(4, 1, 2, 0, 3).reshape(2, stems, 2, count * width))
        return folded, constant(torch.cat(biases, -1))

    def encode(self, planar: Tensor) -> Tensor:
        """[2 channels, 2 re/im, 1024] to [bands, N], before the biases: silence gives zeros."""
        power = planar.square().sum(1, keepdim=True)
        compressed = planar * (power + 1e-9).pow(-0.25)
        level = compressed.square().sum(1, keepdim=True).sqrt()
        side = (compressed[0] - compressed[1]).square().sum(0, keepdim=True).sqrt()
        inputs = torch.cat([torch.cat([compressed, level], 1).flatten(0, 1), side])
        first, out = 0, []
        for (count, width), weight in zip(self.groups, self.encoders, strict=True):
            part = inputs[:, first : first + count * width].reshape(7, count, width)
            part = part.transpose(0, 1).reshape(count, 1, 7 * width)
            out.append((part @ weight).reshape(count, self.features))
            first += count * width
        return torch.cat(out)

    def flip_second_half(self, x: Tensor) -> Tensor:
        """Reverse the band order of the downward channels."""
        n = self.features
        return torch.cat([x[:, :n], x[:, n:].index_select(0, self.mirror)], 1)

    def along_time(self, x: Tensor, state: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """What the recurrence over time adds to [bands, N], and its next state."""
        keep, candidate, gate = self.time_in[layer](unit_rms(x)).split(self.features, 1)
        value = candidate + torch.sigmoid(keep) * (state - candidate)
        return self.time_out[layer](value * F.silu(gate)), value

    def across_bands(self, x: Tensor, layer: int) -> Tensor:
        """The bidirectional recurrence over bands."""
        keep, candidate, gate = self.band_in[layer](unit_rms(x)).split(2 * self.features, 1)
        keep = torch.sigmoid(keep)
        decay = self.flip_second_half(keep)
        value = self.flip_second_half(candidate - keep * candidate)
        value = scan_bands(decay, value)
        return x + self.band_out[layer](self.flip_second_half(value) * F.silu(gate))

    def decode(self, x: Tensor, planar: Tensor) -> Tensor:
        """Masks applied: [1, stems, 2, 1025, 2]; the Nyquist bin is zero."""
        return self.decode_hidden(F.silu(self.hidden(unit_rms(x))), planar)

    def decode_hidden(self, hidden: Tensor, planar: Tensor) -> Tensor:
        """The same from what the head decodes, [bands, H]."""
        mask = self.planes(hidden, self.decoders) + self.decoder_bias
        return masked(mask, planar)[None]

    def planes(self, hidden: Tensor, weights: nn.ParameterList) -> Tensor:
        """What a decoder makes of [bands, H], before the biases: [re/im, stems, 2, bins]."""
        band, out, stems = 0, [], len(STEMS)
        for (count, width), weight in zip(self.groups, weights, strict=True):
            part = hidden[band : band + count].unsqueeze(1) @ weight
            part = part.view(count, 4 * stems, width).transpose(0, 1)
            out.append(part.reshape(2, stems, 2, count * width))
            band += count
        return torch.cat(out, 3)

    def layers_of(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """All recurrences over [bands, N]; returns the features and the next state."""
        states = []
        for i in range(self.layers):
            change, next_state = self.along_time(x, state[i], i)
            states.append(next_state)
            x = self.across_bands(x + change, i)
        return x, torch.stack(states)

    def forward(self, spectrum: Tensor, state: Tensor, *waiting: Tensor) -> tuple[Tensor, ...]:
        planar = spectrum[0, :, : self.bins].transpose(1, 2)
        x, queues = self.encode(planar), ()
        if self.future is None:
            x = x + self.encoder_bias
        else:
            features, spectra = waiting
            line, past = torch.cat([features, x[None]]), torch.cat([spectra, planar[None]])
            x, planar, queues = self.future(line), past[0], (line[1:], past[1:])
        x, next_state = self.layers_of(x, state)
        return self.decode(x, planar), next_state, *queues
