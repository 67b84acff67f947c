"""The separation network: a band-split trunk of gated linear recurrences.

Spectra are cut into 36 bands; every band becomes one feature vector. Each layer runs a causal
recurrence over time (weights shared by all bands) and a bidirectional one over the bands. A head
per band predicts complex masks for four stems. All recurrences are linear in their state with
input-dependent gates, so training needs no per-step matrix products and the state stays bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tools.train import kernels
from tools.train.scan import gated_recurrence

STEMS = ("vocals", "drums", "bass", "other")
# (number of bands, bins in each) of a window of 2048: 16*4 + 8*8 + 4*32 + 4*64 + 4*128 = 1024 bins
BAND_GROUPS = ((16, 4), (8, 8), (4, 32), (4, 64), (4, 128))
MASK_PRIOR = 0.25  # before any learning every stem gets a quarter of the mixture


@dataclass(frozen=True)
class ModelConfig:
    """Size of the network."""

    features: int = 48
    layers: int = 4
    hidden: int = 96
    fft_size: int = 2048
    hop: int = 512
    lookahead: int = 0  # hops that are heard before a hop is separated

    @property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """Number of bands and bins in each: the same frequencies for every window."""
        return tuple((count, width * self.fft_size // 2048) for count, width in BAND_GROUPS)

    @property
    def bands(self) -> int:
        """Number of bands."""
        return sum(count for count, _ in BAND_GROUPS)


class RMSNorm(nn.Module):
    """Scale to unit root mean square, then a learnt gain."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_autocast_enabled("cpu") and kernels.library() is not None:
            return kernels.FusedNorm.apply(x.float(), self.gain)
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.gain


def compress(spectrum: Tensor) -> Tensor:
    """Square root of the magnitude, same phase."""
    return spectrum * (spectrum.square().sum(-1, keepdim=True) + 1e-9).pow(-0.25)


def magnitude(spectrum: Tensor) -> Tensor:
    """[..., 2] to [..., 1]."""
    return spectrum.square().sum(-1, keepdim=True).sqrt()


class BandEncoder(nn.Module):
    """Compressed spectrum [T, B, 2, bins, 2] to band features [T*B, bands, N].

    The magnitude of each bin goes in beside its real and imaginary part: a harmonic is a peak
    whatever its phase. So does that of the difference of both channels: what stands in the middle
    has none, as most voices.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.groups, features = config.groups, config.features
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for count, width in self.groups:
            weight = torch.randn(count, 7 * width, features) / math.sqrt(7 * width)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(count, 1, features)))
        self.embedding = nn.Parameter(torch.randn(config.bands, features) * 0.02)

    def forward(self, spectrum: Tensor) -> Tensor:
        rows = spectrum.shape[0] * spectrum.shape[1]
        side = magnitude(spectrum[:, :, 0] - spectrum[:, :, 1]).view(rows, -1)
        spectrum = torch.cat([spectrum, magnitude(spectrum)], -1)
        first, out = 0, []
        groups = zip(self.groups, self.weights, self.biases, strict=True)
        for (count, width), weight, bias in groups:
            part = spectrum[..., first : first + count * width, :]
            part = part.reshape(rows, 2, count, width * 3).permute(2, 0, 1, 3)
            beside = side[:, first : first + count * width].view(rows, count, width)
            part = torch.cat([part.reshape(count, rows, -1), beside.transpose(0, 1)], 2)
            out.append(torch.baddbmm(bias, part, weight).transpose(0, 1))
            first += count * width
        return torch.cat(out, 1) + self.embedding


class BandDecoder(nn.Module):
    """Band features [T*B, bands, H] to complex masks [T, B, stems, 2, bins, 2]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.groups = config.groups
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for count, width in self.groups:
            outputs = len(STEMS) * 4 * width
            weight = torch.randn(count, config.hidden, outputs) / math.sqrt(config.hidden)
            self.weights.append(nn.Parameter(weight))
            self.biases.append(nn.Parameter(torch.zeros(count, 1, outputs)))

    def forward(self, features: Tensor, frames: int, batch: int) -> Tensor:
        band, out = 0, []
        groups = zip(self.groups, self.weights, self.biases, strict=True)
        for (count, width), weight, bias in groups:
            part = features[:, band : band + count].transpose(0, 1)
            mask = torch.baddbmm(bias, part, weight)
            mask = mask.view(count, frames, batch, len(STEMS), 2, width, 2)
            out.append(mask.permute(1, 2, 3, 4, 0, 5, 6).flatten(4, 5))
            band += count
        return torch.cat(out, 4)


class Lookahead(nn.Module):
    """Adds to each frame what the frames after it tell; the last ``hops`` frames are used up."""

    def __init__(self, features: int, hops: int) -> None:
        super().__init__()
        self.hops = hops
        self.norm = RMSNorm(features)
        self.inputs = nn.Linear(hops * features, 2 * features)
        self.output = nn.Linear(2 * features, features)
        nn.init.zeros_(self.output.weight)  # a model without look-ahead can grow into one with it
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[frames, rows, N] to [frames - hops, rows, N]."""
        count, normed = len(x) - self.hops, self.norm(x)
        future = [normed[k : k + count] for k in range(1, self.hops + 1)]
        return x[:count] + self.output(F.silu(self.inputs(torch.cat(future, -1))))


class TimeRecurrence(nn.Module):
    """Residual causal block: gated linear recurrence over time."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.norm = RMSNorm(features)
        self.inputs = nn.Linear(features, 3 * features)
        self.output = nn.Linear(features, features)
        with torch.no_grad():  # time constants from one frame to a hundred
            self.inputs.bias[:features].copy_(torch.linspace(-1, 5, features))
            self.output.weight.mul_(0.5)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """``x`` is [frames, rows, N], the state [rows, N]."""
        out, last = gated_recurrence(self.inputs(self.norm(x)), state, 0, x.shape[-1])
        return x + self.output(out), last


class BandRecurrence(nn.Module):
    """Residual block: gated linear recurrences up and down the bands of one frame."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.norm = RMSNorm(features)
        self.inputs = nn.Linear(features, 6 * features)
        self.output = nn.Linear(2 * features, features)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` is [rows, bands, N]."""
        start = x.new_zeros(x.shape[0], 2 * self.features)
        out, _ = gated_recurrence(self.inputs(self.norm(x)), start, 1, self.features)
        return x + self.output(out)


class Separator(nn.Module):
    """Mixture spectra [T, B, 2, bins, 2] and state [L, B*bands, N] to stems and the next state.

    The same call serves whole segments (T frames) and, without look-ahead, streaming (T = 1).
    With a look-ahead of h hops only the first T - h frames come out.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        self.encoder = BandEncoder(config)
        self.future = Lookahead(config.features, config.lookahead) if config.lookahead else None
        self.time = nn.ModuleList(TimeRecurrence(config.features) for _ in range(config.layers))
        self.across = nn.ModuleList(BandRecurrence(config.features) for _ in range(config.layers))
        self.norm = RMSNorm(config.features)
        self.hidden = nn.Linear(config.features, config.hidden)
        self.decoder = BandDecoder(config)

    def initial_state(self, batch: int) -> Tensor:
        """The reset state: all zero."""
        config = self.config
        return torch.zeros(config.layers, batch * config.bands, config.features)

    def masks(self, spectrum: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Complex masks [T - h, B, stems, 2, bins, 2] before their prior is added, and the state."""
        hidden, state = self.hidden_features(spectrum, state)
        batch = spectrum.shape[1]
        return self.decoder(hidden, len(hidden) // batch, batch), state

    def hidden_features(self, spectrum: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """What the head decodes, [(T - h) * B, bands, H], and the next state."""
        frames, batch = spectrum.shape[:2]
        bands, n = self.config.bands, self.config.features
        x = self.encoder(compress(spectrum)).reshape(frames, batch * bands, n)
        if self.future is not None:
            x = self.future(x)
            frames = len(x)
        states = []
        for along_time, along_bands, layer_state in zip(self.time, self.across, state, strict=True):
            x, last = along_time(x, layer_state)
            states.append(last)
            x = along_bands(x.view(frames * batch, bands, n)).view(frames, batch * bands, n)
        hidden = F.silu(self.hidden(self.norm(x.view(frames * batch, bands, n))))
        return hidden, torch.stack(states)

    def forward(self, spectrum: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        masks, state = self.masks(spectrum, state)
        return apply_masks(masks, spectrum[: len(masks)]), state


def apply_masks(masks: Tensor, spectrum: Tensor) -> Tensor:
    """Stems of a mixture [T, B, 2, bins, 2]; a mask of zero leaves every stem its quarter."""
    complex_masks = torch.view_as_complex(masks.float().contiguous()) + MASK_PRIOR
    mixture = torch.view_as_complex(spectrum.float().contiguous())
    return torch.view_as_real(complex_masks * mixture[:, :, None])


def mixture_consistent(stems: Tensor, mixture: Tensor) -> Tensor:
    """Share what the stems [T, B, S, ...] lack of the mixture [T, B, ...] equally among them."""
    return stems + (mixture[:, :, None] - stems.sum(2, keepdim=True)) / stems.shape[2]
