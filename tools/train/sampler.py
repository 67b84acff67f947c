"""Plays note lists with recorded samples: drum kits of one-shots and pitched instruments."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile as sf

from tools.train.midi import Note

RATE = 44_100
PITCH_NAME = re.compile(r"(?:^|_|[a-z])([A-Ga-g])(s|b|sharp)?(-?\d)(?:_|\.|$)")
SEMITONE = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
# General MIDI (and Roland kit) drum notes -> class of one-shot, position in its pitch order.
DRUM_CLASSES = {
    35: "kick", 36: "kick", 37: "rim", 38: "snare", 39: "clap", 40: "snare", 41: "tom0",
    42: "hat", 43: "tom0", 44: "hat", 45: "tom1", 46: "open", 47: "tom1", 48: "tom2",
    49: "cymbal", 50: "tom2", 51: "ride", 52: "cymbal", 53: "ride", 54: "perc", 55: "cymbal",
    56: "perc", 57: "cymbal", 58: "tom0", 59: "ride", 22: "hat", 26: "open",
}  # fmt: skip
PANNED = {"hat": 0.3, "open": 0.3, "tom0": 0.4, "tom1": 0.2, "tom2": 0.4, "cymbal": 0.5,
          "ride": 0.5, "perc": 0.5, "clap": 0.2, "rim": 0.1}  # fmt: skip


def load_stereo(path: Path) -> np.ndarray:
    """Audio of a file as float32 [2, n] at 44.1 kHz (other rates by linear interpolation)."""
    audio, rate = sf.read(path, dtype="float32", always_2d=True)
    if audio.shape[1] > 2:
        audio = audio[:, :2]
    audio = np.repeat(audio.T, 2, axis=0) if audio.shape[1] == 1 else audio.T
    if rate == RATE:
        return np.ascontiguousarray(audio)
    from scipy.signal import resample_poly

    common = np.gcd(RATE, rate)
    return resample_poly(audio, RATE // common, rate // common, axis=1).astype(np.float32)


def add_at(target: np.ndarray, start: int, audio: np.ndarray) -> None:
    """Add audio into a longer buffer, cut at its end."""
    n = min(audio.shape[1], target.shape[1] - start)
    if n > 0:
        target[:, start : start + n] += audio[:, :n]


def pan_gains(pan: float) -> np.ndarray:
    """Constant-power gains [2, 1] for -1 (left) to 1 (right)."""
    angle = (pan + 1) * np.pi / 4
    return (np.sqrt(2) * np.array([[np.cos(angle)], [np.sin(angle)]])).astype(np.float32)


@dataclass
class DrumKit:
    """One sample, gain and pan for each drum class."""

    samples: dict[str, np.ndarray]

    def play(self, notes: list[Note], seconds: float, rng: np.random.Generator) -> np.ndarray:
        """Render drum notes to [2, n]."""
        out = np.zeros((2, int(seconds * RATE)), np.float32)
        for n in notes:
            sample = self.samples.get(DRUM_CLASSES.get(n.pitch, "perc"))
            if sample is not None:
                gain = (n.velocity / 127) ** 1.5 * 10 ** rng.uniform(-0.05, 0.05)
                add_at(out, int(n.start * RATE), sample * np.float32(gain))
        return out


class OneShots:
    """All drum hits of the pack by kit folder and class; draws random kits."""

    def __init__(self, folder: Path) -> None:
        self.by_class: dict[str, list[Path]] = {}
        self.by_kit: dict[str, dict[str, list[Path]]] = {}
        for path in sorted(folder.rglob("*.ogg")):
            for name in self._classes(path):
                self.by_class.setdefault(name, []).append(path)
                self.by_kit.setdefault(path.parent.name, {}).setdefault(name, []).append(path)
        needed = {"kick", "snare", "hat"}
        self.whole_kits = [k for k, v in self.by_kit.items() if needed <= v.keys()]

    @staticmethod
    def _classes(path: Path) -> list[str]:
        kind, rest = path.stem.split("_", 1)
        rest = rest.lower()
        if kind == "hat":
            return ["open"] if rest.startswith("oh") or "open" in rest else ["hat"]
        if kind == "tom":
            return [{"lt": "tom0", "mt": "tom1", "ht": "tom2"}.get(rest[:2], "tom1")]
        if kind == "cymbal":
            return ["ride"] if rest.startswith("rd") or "ride" in rest else ["cymbal"]
        return ["rim" if rest.startswith("rim") else kind]

    def kit(self, rng: np.random.Generator) -> DrumKit:
        """One machine's sounds, its gaps filled from anywhere; or every sound from anywhere."""
        base = self.by_kit[str(rng.choice(self.whole_kits))] if rng.random() < 0.65 else {}
        samples = {}
        for name in sorted(set(DRUM_CLASSES.values())):
            choices = base.get(name) or self.by_class.get(name)
            if choices:
                audio = load_stereo(choices[rng.integers(len(choices))])
                audio = audio / (np.abs(audio).max() + 1e-6)
                gain = 10 ** (rng.uniform(-8, 0) / 20) * (1.0 if name in ("kick", "snare") else 0.6)
                pan = rng.uniform(-1, 1) * PANNED.get(name, 0.0)
                samples[name] = audio * pan_gains(pan) * np.float32(gain)
        return DrumKit(samples)


@dataclass
class Instrument:
    """Pitched samples, each repitched to the notes around it."""

    samples: list[tuple[int, np.ndarray]]
    release: float = 0.08
    cache: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def from_files(cls, paths: list[Path], default_pitch: int, shift: int = 0) -> Instrument:
        """Pitches are read from names such as ``a1_vl2`` or ``Ds4``."""
        samples = []
        for path in paths:
            audio = load_stereo(path)
            peak = np.abs(audio).max() + 1e-6
            samples.append((pitch_from_name(path.name, default_pitch) + shift, audio / peak))
        return cls(samples)

    def note(self, pitch: int, seconds: float) -> np.ndarray:
        """One note, faded out after its duration."""
        if pitch not in self.cache:
            root, audio = min(self.samples, key=lambda s: abs(s[0] - pitch))
            ratio = 2 ** ((pitch - root) / 12)
            at = np.arange(int(audio.shape[1] / ratio)) * ratio
            grid = np.arange(audio.shape[1])
            self.cache[pitch] = np.stack([np.interp(at, grid, c) for c in audio]).astype(np.float32)
        audio = self.cache[pitch]
        hold, release = int(seconds * RATE), int(self.release * RATE)
        out = audio[:, : hold + release].copy()
        if out.shape[1] > hold:
            tail = out.shape[1] - hold
            out[:, hold:] *= np.linspace(1, 1 - tail / release, tail, dtype=np.float32)
        return out

    def play(self, notes: list[Note], seconds: float) -> np.ndarray:
        """Render notes to [2, n]."""
        out = np.zeros((2, int(seconds * RATE)), np.float32)
        for n in notes:
            gain = np.float32(0.3 + 0.7 * (n.velocity / 127))
            add_at(out, int(n.start * RATE), self.note(n.pitch, n.end - n.start) * gain)
        return out


def pitch_from_name(name: str, default: int) -> int:
    """MIDI pitch named in a file name (C4 = 60), or the default."""
    found = PITCH_NAME.search(name)
    if not found:
        return default
    letter, accidental, octave = found.groups()
    shift = {None: 0, "s": 1, "sharp": 1, "b": -1}[accidental]
    return 12 * (int(octave) + 1) + SEMITONE[letter.lower()] + shift
