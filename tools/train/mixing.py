"""Random training mixtures with their stems, drawn from the pools; every item from its own seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tools.train import effects
from tools.train.effects import RATE, Rooms
from tools.train.model import STEMS
from tools.train.pools import Pool

SILENT_VOCALS = 0.15  # of the mixtures are instrumentals
SPEED = (0.9, 1.12)  # wide enough for 48 kHz devices: 44.1 / 48 = 0.92


@dataclass
class Batch:
    """Stems [B, 4, 2, n]; partial items hold all accompaniment in the last stem."""

    stems: Tensor
    partial: Tensor  # [B] bool: only vocals and accompaniment are known
    loss_bins: Tensor  # [B]: spectral bins beyond are not judged
    whitening: Tensor  # [B]: 0 judges energy as it is, 1 every frequency alike


def decibels(value: float) -> np.float32:
    """Factor of a level."""
    return np.float32(10 ** (value / 20))


class Mixer:
    """Draws single mixtures."""

    def __init__(self, pools: Path, length: int, held_out: bool = False) -> None:
        names = ("vocals", "drums", "other", "accompaniment", "songs")
        self.pools = {name: Pool(pools / name, held_out) for name in names}
        self.length = length
        self.rooms = Rooms(length)

    def read(self, pool: str, stem: str, ratio: float, rng: np.random.Generator) -> np.ndarray:
        """A random window of a pool, played at a speed."""
        source = self.pools[pool]
        wanted = int(self.length * ratio) + 4
        region, start = source.draw(wanted, rng)
        return effects.resample(source.read(stem, region, start, wanted), ratio, self.length)

    def voice(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Mono singing and the frequency above which its source is empty (0: none)."""
        source, ratio = self.pools["vocals"], float(rng.uniform(*SPEED))
        wanted = int(self.length * ratio * 1.02) + 4
        region, start = source.draw(wanted, rng)
        audio = source.read("vocals", region, start, wanted)
        out = effects.resample(audio, ratio, self.length)
        if rng.random() < 0.2:  # a double, a few cents and milliseconds apart, to the sides
            shift = int(rng.uniform(0.008, 0.03) * RATE)
            detuned = effects.resample(audio, ratio * rng.uniform(0.994, 1.006), self.length)
            detuned = np.roll(detuned, shift, axis=1) * decibels(rng.uniform(-8, 0))
            side = rng.uniform(0.2, 1.0)
            out = np.concatenate([out + side * detuned, out + (1 - side) * detuned])
        return out.astype(np.float32), region.band_limit * ratio

    def vocals(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Produced vocals [2, n]: one voice or two, dynamics, tone, room, position."""
        out, limit = self.voice(rng)
        if rng.random() < 0.15:
            second, other_limit = self.voice(rng)
            out = out + second * decibels(rng.uniform(-12, 0))
            limit = max(limit, other_limit)
        level = effects.rms(out) + 1e-6
        if rng.random() < 0.5:
            gain = effects.compressor_gain(
                out, level * rng.uniform(0.5, 2.0), rng.uniform(1.5, 6.0),
                effects.one_pole(0.003), effects.one_pole(rng.uniform(0.05, 0.3)),
            )  # fmt: skip
            out = out * gain
        if rng.random() < 0.15:
            drive = rng.uniform(0.5, 2.0) / level
            out = np.tanh(out * np.float32(drive)) / np.float32(drive)
        curve = effects.random_eq(self.rooms.bins, 8.0, rng) if rng.random() < 0.7 else None
        if rng.random() < 0.5:  # records are mixed brighter than these voices are recorded
            shelf = effects.high_shelf(
                self.rooms.bins, rng.uniform(1_500, 5_000), rng.uniform(0, 12)
            )
            curve = shelf if curve is None else shelf * curve
        wet = float(decibels(rng.uniform(-26, -6))) if rng.random() < 0.65 else 0.0
        out = self.rooms.apply(out, curve, wet, rng)
        if len(out) == 1:
            out = np.repeat(out, 2, axis=0)
        if rng.random() < 0.3:
            pan = rng.uniform(-0.6, 0.6)
            out = out * np.array([[1 - max(pan, 0)], [1 + min(pan, 0)]], np.float32)
        return self.with_rests(out, rng), limit

    def with_rests(self, audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Sometimes ride the level, sometimes leave a part of the segment silent."""
        if rng.random() < 0.3:
            points = np.array([decibels(g) for g in rng.uniform(-6, 3, 6)])
            audio = audio * effects.envelope(points, self.length)
        if rng.random() < 0.3:
            a, b = sorted(rng.uniform(-0.3, 1.3, 2))
            at = np.linspace(0, 1, self.length, dtype=np.float32)
            audio = audio * np.clip(np.maximum(a - at, at - b) * 120, 0, 1)
        return audio.astype(np.float32)

    def coloured(self, audio: np.ndarray, rng: np.random.Generator, room: float) -> np.ndarray:
        """Tone and sometimes a room for a stem of the accompaniment."""
        wet = float(decibels(rng.uniform(-26, -12))) if rng.random() < room else 0.0
        curve = effects.random_eq(self.rooms.bins, 6.0, rng) if rng.random() < 0.4 else None
        if wet == 0.0 and curve is None:
            return audio
        return self.rooms.apply(audio, curve, wet, rng)

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
        for i, room in enumerate((0.25, 0.05, 0.2)):
            gain = decibels(rng.uniform(-7, 5)) if present[i] else np.float32(0)
            stems[i] = self.coloured(stems[i], rng, room) * gain
        return np.stack(stems)

    def finish(self, stems: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """What happens to a whole mix: sides, mono, limiting, level."""
        if rng.random() < 0.5:
            stems = stems[:, ::-1]
        if rng.random() < 0.15:
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
        partial = bool(rng.random() < 0.3)
        stems = np.zeros((4, 2, self.length), np.float32)
        stems[0], limit = self.vocals(rng)
        if partial:
            ratio = float(rng.uniform(*SPEED))
            backing = self.read("accompaniment", "accompaniment", ratio, rng)
            stems[3] = self.coloured(backing, rng, room=0.0)
        else:
            stems[1:] = self.band(rng)
        level = effects.rms(stems[1:].sum(0)) or 0.1
        ratio_db = rng.uniform(-12, 6) if rng.random() < 0.5 else rng.normal(-3, 4)
        stems[0] *= decibels(ratio_db) * np.float32(level / (effects.rms(stems[0]) + 1e-4))
        chance, judged = rng.random(), 1024
        if chance < SILENT_VOCALS:
            stems[0] = 0
        elif chance < SILENT_VOCALS + 0.03:
            stems[1:] = 0
        if limit and chance >= SILENT_VOCALS:
            if rng.random() < 0.5:
                curve = effects.low_pass(self.rooms.bins, limit)
                stems = np.stack([self.rooms.apply(s, curve, 0.0, rng) for s in stems])
            else:
                judged = int(0.95 * limit / RATE * 2048)
        whitening = 0.6 if rng.random() < 0.5 else 0.0
        return self.finish(stems, rng), partial, judged, whitening


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
        stems, partial, bins, whitening = zip(*items, strict=True)
        facts = (torch.tensor(column) for column in (partial, bins, whitening))
        return Batch(torch.from_numpy(np.stack(stems)), *facts)
