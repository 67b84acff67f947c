"""Singing as records have it: dry voices of the pool, produced at random."""

from __future__ import annotations

import numpy as np

from tools.train import effects
from tools.train.effects import RATE, Rooms, decibels
from tools.train.pools import Pool

SPEED = (0.9, 1.12)  # wide enough for 48 kHz devices: 44.1 / 48 = 0.92
OTHER_SINGER = (0.78, 1.28)  # so far from its speed a voice has another throat and pitch
THROAT = (0.85, 1.18)  # formants against pitch
HARMONIES = (-12, -5, -4, -3, 3, 4, 5, 7, 12)  # semitones


class Voices:
    """Draws segments of singing."""

    def __init__(self, pool: Pool, length: int, rooms: Rooms) -> None:
        self.pool, self.length, self.rooms = pool, length, rooms

    def produced(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """Stereo singing [2, n] and the frequency in Hz above which its source is empty (0: none)."""
        out, limit = self.singers(rng)
        out = self.space(effects.dynamics(out, rng), self.tone(rng), rng)
        if len(out) == 1:
            out = np.repeat(out, 2, axis=0)
        if rng.random() < 0.3:
            pan = rng.uniform(-0.6, 0.6)
            out = out * np.array([[1 - max(pan, 0)], [1 + min(pan, 0)]], np.float32)
        return self.with_rests(out, rng), limit

    def singers(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """One voice [1 or 2, n], or two of different songs."""
        out, limit = self.voice(rng)
        if rng.random() < 0.15:
            second, other_limit = self.voice(rng)
            out = out + second * decibels(rng.uniform(-12, 0))
            limit = max(limit, other_limit)
        return out, limit

    def voice(self, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """One singer, perhaps with a double or a harmony."""
        ratio = float(rng.uniform(*(OTHER_SINGER if rng.random() < 0.4 else SPEED)))
        wanted = int(self.length * ratio * 1.02) + 4
        region, start = self.pool.draw(wanted, rng)
        audio = self.pool.read("vocals", region, start, wanted)
        if rng.random() < 0.4:
            audio = effects.formant_shift(audio, float(rng.uniform(*THROAT)))
        out, chance = effects.resample(audio, ratio, self.length), rng.random()
        if chance < 0.2:  # a double, a few cents and milliseconds apart
            detuned = effects.resample(audio, ratio * rng.uniform(0.994, 1.006), self.length)
            out = self.beside(out, detuned, decibels(rng.uniform(-8, 0)), rng)
        elif chance < 0.32:
            harmony = effects.pitch_shift(out, 2 ** (rng.choice(HARMONIES) / 12))
            out = self.beside(out, harmony, decibels(rng.uniform(-14, -3)), rng)
        return out, region.band_limit * ratio

    def beside(
        self, out: np.ndarray, layer: np.ndarray, gain: np.float32, rng: np.random.Generator
    ) -> np.ndarray:
        """A second layer, a little late, to the sides: [2, n]."""
        layer = np.roll(layer, int(rng.uniform(0.008, 0.03) * RATE), axis=1) * gain
        side = np.float32(rng.uniform(0.2, 1.0))
        return np.concatenate([out + side * layer, out + (1 - side) * layer])

    def tone(self, rng: np.random.Generator) -> np.ndarray:
        """Gains of the equaliser: records are brighter than these voices, some have more bass."""
        bins = self.rooms.bins
        curve = np.ones(bins, np.float32)
        if rng.random() < 0.7:
            curve *= effects.random_eq(bins, 8.0, rng)
        if rng.random() < 0.8:
            curve *= effects.tilt(bins, 300, 1_500, rng.uniform(-3, 6))
        if rng.random() < 0.4:
            curve *= effects.low_cut(bins, rng.uniform(60, 200))
        return curve

    def space(self, out: np.ndarray, curve: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Echo, and equaliser and room in one transform."""
        if rng.random() < 0.25:
            gain = float(decibels(rng.uniform(-20, -5)))
            out = effects.echoes(out, rng.uniform(0.06, 0.45), gain, rng.uniform(0.2, 0.6))
        wet = float(decibels(rng.uniform(-26, -6))) if rng.random() < 0.65 else 0.0
        return self.rooms.apply(out, curve, wet, rng)

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
