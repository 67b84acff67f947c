"""Random training mixtures with their stems, drawn from the pools; every item from its own seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tools.train import effects
from tools.train.effects import RATE, Rooms, decibels
from tools.train.model import STEMS
from tools.train.pools import Pool
from tools.train.voices import SPEED, Voices

PARTIAL = 0.42  # of the mixtures have recorded music behind the voice, whose stems nobody knows
SILENT_VOCALS = 0.16  # of the mixtures are instrumentals
LO_FI = 0.04  # of the mixtures have lost their treble to a codec
MONO = 0.5  # of the mixtures are mono: without the help of where a voice stands
WHITENED = 0.35  # of the mixtures are judged with treble weighing more
# Records have deeper drums, darker basses, fuller guitars and keys than what is rendered, and the
# music of games is dull: Hz from and to, dB an octave at least and at most.
TILTS = {
    "drums": (50, 8_000, -1.5, 0.5),
    "bass": (125, 4_000, -3.0, 0.5),
    "other": (100, 250, -6.0, 0.0),
    "accompaniment": (125, 8_000, -0.5, 3.0),
}


@dataclass
class Batch:
    """Stems [B, 4, 2, n]; partial items hold all accompaniment in the last stem."""

    stems: Tensor
    partial: Tensor  # [B] bool: only vocals and accompaniment are known
    loss_bins: Tensor  # [B]: spectral bins beyond are not judged
    whitening: Tensor  # [B]: 0 judges energy as it is, 1 every frequency alike


class Mixer:
    """Draws single mixtures."""

    def __init__(self, pools: Path, length: int, held_out: bool = False) -> None:
        names = ("drums", "other", "accompaniment", "songs")
        self.pools = {name: Pool(pools / name, held_out) for name in names}
        self.length = length
        self.rooms = Rooms(length)
        self.voices = Voices(Pool(pools / "vocals", held_out), length, self.rooms)

    def read(self, pool: str, stem: str, ratio: float, rng: np.random.Generator) -> np.ndarray:
        """A random window of a pool, played at a speed."""
        source = self.pools[pool]
        wanted = int(self.length * ratio) + 4
        region, start = source.draw(wanted, rng)
        return effects.resample(source.read(stem, region, start, wanted), ratio, self.length)

    def coloured(
        self, audio: np.ndarray, stem: str, room: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Dynamics, tone and sometimes a room for a stem of the accompaniment; its level stays."""
        wet = float(decibels(rng.uniform(-26, -12))) if rng.random() < room else 0.0
        tones, bins, out = [], self.rooms.bins, audio
        if stem != "accompaniment" and rng.random() < 0.4:  # records are squeezed already
            out = effects.dynamics(out, rng)
        if rng.random() < 0.4:
            tones.append(effects.random_eq(bins, 6.0, rng))
        if rng.random() < 0.6:
            low, high, *slopes = TILTS[stem]
            tones.append(effects.tilt(bins, low, high, rng.uniform(*slopes)))
        if wet > 0.0 or tones:
            out = self.rooms.apply(out, np.prod(tones, axis=0), wet, rng)
        return out * np.float32(effects.rms(audio) / (effects.rms(out) + 1e-9))

    def band(self, rng: np.random.Generator) -> np.ndarray:
        """Drums, bass and other [3, 2, n], of one song or of several."""
        ratio = float(rng.uniform(*SPEED)) if rng.random() < 0.6 else 1.0
        if rng.random() < 0.5:
            pool, wanted = self.pools["songs"], int(self.length * ratio) + 4
            region, start = pool.draw(wanted, rng)
            stems = [
                effects.resample(pool.read(s, region, start, wanted), ratio, self.length)
                for s in STEMS[1:]
            ]
        else:
            drums = "drums" if rng.random() < 0.45 else "songs"
            other = "other" if rng.random() < 0.15 else "songs"
            stems = [
                self.read(drums, "drums", ratio, rng),
                self.read("songs", "bass", float(rng.uniform(*SPEED)), rng),
                self.read(other, "other", float(rng.uniform(*SPEED)), rng),
            ]
            if rng.random() < 0.2:  # a second instrument
                stems[2] = stems[2] + self.read("songs", "other", ratio, rng)
        present = rng.random(3) > 0.12
        for i, (stem, room) in enumerate((("drums", 0.25), ("bass", 0.05), ("other", 0.2))):
            gain = decibels(rng.uniform(-7, 5)) if present[i] else np.float32(0)
            stems[i] = self.coloured(stems[i], stem, room, rng) * gain
        return np.stack(stems)

    def dulled(self, stems: np.ndarray, limit: float, rng: np.random.Generator) -> np.ndarray:
        """All stems without what lies above a frequency in Hz."""
        curve = effects.low_pass(self.rooms.bins, limit)
        return np.stack([self.rooms.apply(s, curve, 0.0, rng) for s in stems])

    def finish(self, stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What happens to a whole mix: sides, mono, limiting, level."""
        if rng.random() < 0.5:
            stems = stems[:, ::-1]
        if rng.random() < MONO:
            stems = np.repeat(stems.mean(1, keepdims=True), 2, axis=1)
        mixture = stems.sum(0)
        level = float(np.sqrt(np.square(mixture).mean())) + 1e-6
        if rng.random() < 0.2:  # a limiter moves all stems together
            gain = effects.compressor_gain(
                mixture, level * rng.uniform(1.5, 4.0), rng.uniform(4.0, 20.0),
                effects.one_pole(0.001), effects.one_pole(rng.uniform(0.03, 0.2)),
            )  # fmt: skip
            stems = stems * gain
        return (stems * (decibels(rng.uniform(-30, -8)) / np.float32(level))).astype(np.float32)

    def item(self, rng: np.random.Generator) -> tuple[np.ndarray, bool, int, float]:
        """One mixture: stems [4, 2, n], whether partial, the judged bins and the whitening."""
        partial = bool(rng.random() < PARTIAL)
        stems = np.zeros((4, 2, self.length), np.float32)
        stems[0], limit = self.voices.produced(rng)
        if partial:
            ratio = float(rng.uniform(*SPEED))
            backing = self.read("accompaniment", "accompaniment", ratio, rng)
            stems[3] = self.coloured(backing, "accompaniment", 0.0, rng)
        else:
            stems[1:] = self.band(rng)
        level = effects.rms(stems[1:].sum(0)) or 0.1
        ratio_db = rng.uniform(-12, 6) if rng.random() < 0.5 else rng.normal(-3, 4)
        stems[0] *= decibels(ratio_db) * np.float32(level / (effects.rms(stems[0]) + 1e-4))
        chance, judged, edge = rng.random(), 1024, 0.0
        if chance < SILENT_VOCALS:
            stems[0] = 0
        elif chance < SILENT_VOCALS + 0.03:
            stems[1:] = 0
        if limit and chance >= SILENT_VOCALS:
            if rng.random() < 0.5:
                edge = limit
            else:
                judged = int(0.95 * limit / RATE * 2048)
        elif rng.random() < LO_FI:
            edge = rng.uniform(4_000, 14_000)
        if edge:
            stems = self.dulled(stems, edge, rng)
        whitening = 0.6 if rng.random() < WHITENED else 0.0
        return self.finish(stems, rng), partial, judged, whitening


def collated(items: list[tuple[np.ndarray, bool, int, float]]) -> Batch:
    """Items of `Mixer` as one batch."""
    stems, partial, bins, whitening = zip(*items, strict=True)
    facts = (torch.tensor(column) for column in (partial, bins, whitening))
    return Batch(torch.from_numpy(np.stack(stems)), *facts)


class MixtureBatches(Dataset):
    """Batch number i is a pure function of (seed, i): training resumes without a trace."""

    def __init__(
        self, pools: Path, batch: int, length: int, seed: int, held_out: bool = False
    ) -> None:
        self.pools, self.batch, self.length = pools, batch, length
        self.seed, self.held_out = seed, held_out
        self.mixer: Mixer | None = None

    def __getitem__(self, index: int) -> Batch:
        if self.mixer is None:  # opened in the worker
            self.mixer = Mixer(self.pools, self.length, self.held_out)
        items = [
            self.mixer.item(np.random.default_rng([self.seed, index, i])) for i in range(self.batch)
        ]
        return collated(items)
