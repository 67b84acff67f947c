"""Short-time Fourier transform with the asymmetric window of the engine.

Analysis looks at ``fft_size`` samples; synthesis overlap-adds only the last ``2 * hop`` of them,
so the algorithmic latency is ``2 * hop`` samples while the frequency resolution stays that of the
whole window. ``inverse(forward(x))`` gives x back exactly.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def analysis_window(fft_size: int, hop: int) -> Tensor:
    """Sine rise over ``fft_size - hop`` samples, cosine fall over the last ``hop``."""
    rise = torch.arange(fft_size - hop, dtype=torch.float64)
    fall = torch.arange(hop, dtype=torch.float64)
    return torch.cat([
        torch.sin(math.pi / 2 * (rise + 0.5) / (fft_size - hop)),
        torch.cos(math.pi / 2 * (fall + 0.5) / hop),
    ])  # fmt: skip


class AsymmetricSTFT(nn.Module):
    """Waveforms to spectra [frames, batch, ..., bins, 2] and back; the Nyquist bin is dropped."""

    def __init__(self, fft_size: int = 2048, hop: int = 512) -> None:
        super().__init__()
        self.fft_size, self.hop, self.synthesis_size = fft_size, hop, 2 * hop
        window = analysis_window(fft_size, hop)
        n = torch.arange(self.synthesis_size, dtype=torch.float64)
        overlap = torch.sin(math.pi * (n + 0.5) / self.synthesis_size) ** 2
        scale = 2 / window.sum()
        synthesis = overlap / window[-self.synthesis_size :] / scale
        self.register_buffer("analysis", (window * scale).float(), persistent=False)
        self.register_buffer("synthesis", synthesis.float(), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """[batch, ..., samples] -> [frames, batch, ..., bins, 2]; one frame for every hop."""
        padded = F.pad(audio, (self.fft_size - self.hop, 0))
        frames = padded.unfold(-1, self.fft_size, self.hop).movedim(-2, 0)
        return torch.view_as_real(torch.fft.rfft(frames * self.analysis)[..., :-1])

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Aligned audio of all hops but the last, which still waits for its overlap."""
        bins = F.pad(torch.view_as_complex(spectrum.float().contiguous()), (0, 1))
        frames = torch.fft.irfft(bins, n=self.fft_size)[..., -self.synthesis_size :]
        frames = frames * self.synthesis
        done = frames[1:, ..., : self.hop] + frames[:-1, ..., self.hop :]
        return done.movedim(0, -2).flatten(-2)
