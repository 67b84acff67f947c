"""The training transform gives signals back and agrees with the engine's windows."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch (pip install rtstem[train])")

from rtstem.rt import transform  # noqa: E402
from tools.train.stft import AsymmetricSTFT, analysis_window  # noqa: E402


def test_inverse_gives_the_signal_back() -> None:
    stft = AsymmetricSTFT()
    noise = torch.fft.rfft(torch.randn(1, 2, 512 * 40))
    noise[..., 9_000:] = 0  # 19 kHz: the transform drops the Nyquist bin
    audio = torch.fft.irfft(noise)
    back = stft.inverse(stft(audio))
    assert back.shape == (1, 2, 512 * 39)  # the last hop still waits for its overlap
    after_onset = slice(512 * 4, 512 * 39)  # the first frames see a step: energy up to Nyquist
    torch.testing.assert_close(back[..., after_onset], audio[..., after_onset], atol=2e-5, rtol=0)
    torch.testing.assert_close(back, audio[..., : 512 * 39], atol=2e-3, rtol=0)


def test_window_is_the_engines() -> None:
    ours = analysis_window(2048, 512).numpy()
    theirs = np.asarray(transform.analysis_window(2048, 512))
    scale = ours.max() / theirs.max()
    np.testing.assert_allclose(ours, theirs * scale, atol=1e-6)


def test_frames_see_no_future() -> None:
    stft = AsymmetricSTFT()
    audio = torch.randn(1, 2, 512 * 10)
    changed = audio.clone()
    changed[..., 512 * 6 :] += 1.0
    assert torch.equal(stft(audio)[:6], stft(changed)[:6])
