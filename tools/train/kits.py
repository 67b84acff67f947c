"""Recorded drum kits with velocity layers: Hydrogen drum kits and drum SoundFonts."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tools.train.effects import decibels, resample
from tools.train.midi import DRUM_CHANNEL, Note, write_midi
from tools.train.sampler import RATE, add_at, load_stereo

# General MIDI and Roland drum notes -> piece of a kit.
PIECES = {
    35: "kick", 36: "kick", 37: "stick", 38: "snare", 39: "clap", 40: "rimshot", 41: "tom0",
    43: "tom0", 58: "tom0", 45: "tom1", 47: "tom1", 48: "tom2", 50: "tom2", 42: "hat", 22: "hat",
    44: "pedal", 46: "open", 26: "half", 49: "crash", 55: "crash2", 57: "crash2", 52: "crash",
    51: "ride", 59: "ride", 53: "bell", 54: "tambourine", 56: "cowbell",
}  # fmt: skip
# What an instrument of a Hydrogen kit is, by the first pattern that its name matches.
NAMES = (
    (r"roll|dry|agogo|maraca|roul", ""), (r"cowbell", "cowbell"), (r"clap", "clap"),
    (r"tamb", "tambourine"), (r"kick|bass ?drum", "kick"), (r"rimshot|snare edge", "rimshot"),
    (r"stick|rim click", "stick"), (r"snare", "snare"), (r"floor|tom low", "tom0"),
    (r"tom mid|tom 2|^tom$", "tom1"), (r"tom ?hi|tom 1", "tom2"), (r"hat|hh", "hat"),
    (r"bell|cup", "bell"), (r"crash jazz|crash right|splash|crash flink", "crash2"),
    (r"crash|china", "crash"), (r"ride", "ride"),
)  # fmt: skip
HATS = ((r"pedal", "pedal"), (r"semi|swish|free", "half"), (r"open", "open"), (r"", "hat"))
KEYS = (36, 37, 38, 39, 40, 43, 45, 48, 42, 44, 46, 49, 57, 51, 53, 54, 56)
NOT_GENERAL = (48,)  # a hi-hat, not a tom, in the drum SoundFonts of avldrums
STAND_IN = {"half": "open", "open": "half", "pedal": "hat", "rimshot": "snare", "crash2": "crash",
            "bell": "ride", "tom2": "tom1", "tom0": "tom1", "tom1": "tom0", "ride": "crash",
            "snare": "rimshot"}  # fmt: skip
SILENCED_BY = {"open": ("hat", "pedal"), "half": ("hat", "pedal")}
LAYERS, HIT_SECONDS = 5, 3.0
Layers = list[tuple[float, np.ndarray]]  # (highest velocity 0..1, audio [2, n]), rising


@dataclass(frozen=True)
class Kit:
    """The recorded hits of every piece; several instruments may serve as one piece."""

    name: str
    pieces: dict[str, list[Layers]]
    general: bool = False  # part of a General MIDI SoundFont


def piece_of(name: str) -> str:
    """The piece that a Hydrogen instrument's name speaks of, or an empty string."""
    name = name.lower()
    piece = next((p for pattern, p in NAMES if re.search(pattern, name)), "")
    return next(p for pattern, p in HATS if re.search(pattern, name)) if piece == "hat" else piece


def trimmed(audio: np.ndarray) -> np.ndarray:
    """A hit without its silent end, at most three seconds, its end faded."""
    loud = np.flatnonzero(np.abs(audio).max(axis=0) > 1e-3 * np.abs(audio).max(initial=1e-6))
    stop = min(int(HIT_SECONDS * RATE), (loud[-1] + 1) if len(loud) else 1)
    out = audio[:, :stop].copy()
    fade = min(2_205, stop)
    out[:, stop - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return out


def levelled(name: str, pieces: dict[str, list[Layers]], general: bool = False) -> Kit:
    """A kit whose loudest kick or snare has a peak of one."""
    loud = [h for p in ("kick", "snare") for x in pieces.get(p, []) for _, h in x]
    scale = np.float32(1 / max((float(np.abs(h).max()) for h in loud), default=1.0))
    scaled = {p: [[(top, h * scale) for top, h in x] for x in xs] for p, xs in pieces.items()}
    return Kit(name, scaled, general)


def hydrogen_kit(folder: Path) -> Kit:
    """A kit in the format of the drum machine Hydrogen."""
    text = (folder / "drumkit.xml").read_text("utf-8", errors="replace")
    root = ElementTree.fromstring(re.sub(r'\s(xmlns|xsi)(:\w+)?="[^"]*"', "", text))
    pieces: dict[str, list[Layers]] = {}
    for instrument in root.iter("instrument"):
        piece = piece_of(instrument.findtext("name") or "")
        volume, layers = float(instrument.findtext("volume") or 1), []
        for layer in instrument.findall(".//layer") or [instrument]:
            path = folder / (layer.findtext("filename") or "-")
            if piece and path.is_file():
                gain = volume * float(layer.findtext("gain") or 1)
                hit = trimmed(load_stereo(path)) * np.float32(gain)
                layers.append((float(layer.findtext("max") or 1), hit))
        if layers:
            pieces.setdefault(piece, []).append(sorted(layers, key=lambda pair: pair[0]))
    return levelled(folder.name, pieces)


def soundfont_kit(soundfont: Path, program: int | None = None) -> Kit:
    """A drum SoundFont, or a drum program of a General MIDI one, its hits rendered by layers."""
    channel, general = (0, False) if program is None else (DRUM_CHANNEL, True)
    keys = [key for key in KEYS if general or key not in NOT_GENERAL]
    hits = [(key, (i + 1) / LAYERS) for key in keys for i in range(LAYERS)]
    notes = [
        Note(
            i * HIT_SECONDS, i * HIT_SECONDS + 2.5, key, round(127 * top - 8), channel, program or 0
        )
        for i, (key, top) in enumerate(hits)
    ]
    with tempfile.TemporaryDirectory() as work:
        midi, raw = Path(work) / "hits.mid", Path(work) / "hits.raw"
        write_midi(midi, notes, len(hits) * HIT_SECONDS)
        options = ["-r", "44100", "-g", "0.5", "-R", "0", "-C", "0", "-T", "raw", "-O", "s16"]
        command = ["fluidsynth", "-ni", *options, "-F", str(raw), str(soundfont), str(midi)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        audio = np.fromfile(raw, np.int16).reshape(-1, 2).T.astype(np.float32) / 32_768
    pieces: dict[str, list[Layers]] = {}
    for i, (key, top) in enumerate(hits):
        start = int(i * HIT_SECONDS * RATE)
        hit = trimmed(audio[:, start : start + int(HIT_SECONDS * RATE)])
        if np.abs(hit).max(initial=0) > 1e-3:
            # The synthesiser has scaled the hit already: undo it, playing scales again.
            layers = pieces.setdefault(PIECES[key], [[]])[0]
            layers.append((top, hit / np.float32(top)))
    return levelled(soundfont.stem, pieces, general)


@cache
def load_kits(folder: Path, general: tuple[Path, ...] = ()) -> list[Kit]:
    """Every kit below a folder, and the kits of General MIDI SoundFonts.

    Raises:
        FileNotFoundError: the folder holds neither a drumkit.xml nor an .sf2 file.
    """
    kits = [hydrogen_kit(p.parent) for p in sorted(folder.glob("**/drumkit.xml"))]
    kits += [soundfont_kit(p) for p in sorted(folder.glob("**/*.sf2"))]
    if not kits:
        raise FileNotFoundError(f"no drum kit below {folder}")
    kits += [soundfont_kit(p, program) for p in general for program in (0, 8, 16, 40)]
    return kits


class Drummer:
    """A kit as set up for one performance: pieces chosen, tuned and balanced."""

    def __init__(self, kits: list[Kit], rng: np.random.Generator) -> None:
        weight = np.array([0.35 if k.general else 1.0 for k in kits])
        base = kits[rng.choice(len(kits), p=weight / weight.sum())]
        self.curve, tune = float(rng.uniform(0.7, 1.6)), float(rng.uniform(-1, 1))
        self.pieces = {p: self._piece(p, base, kits, tune, rng) for p in sorted({*PIECES.values()})}
        if rng.random() < 0.4:  # as the drummer hears it
            self.pieces = {p: [(v, a[::-1]) for v, a in x] for p, x in self.pieces.items()}

    @staticmethod
    def _piece(
        piece: str, base: Kit, kits: list[Kit], tune: float, rng: np.random.Generator
    ) -> Layers:
        kit = kits[rng.integers(len(kits))] if rng.random() < 0.12 else base
        for name in (piece, STAND_IN.get(piece, piece)):
            choices = kit.pieces.get(name) or base.pieces.get(name)
            if choices:
                layers = choices[rng.integers(len(choices))]
                ratio = 2 ** ((tune + rng.uniform(-1, 1)) / 12)
                gain = decibels(rng.uniform(-3.5, 3.5))
                return [
                    (top, resample(hit, ratio, int(hit.shape[1] / ratio)) * gain)
                    for top, hit in layers
                ]
        return []

    def play(self, notes: list[Note], seconds: float, rng: np.random.Generator) -> np.ndarray:
        """Render drum notes to [2, n]; a closed hi-hat ends an open one."""
        out = np.zeros((2, int(seconds * RATE)), np.float32)
        for i, n in enumerate(notes):
            piece = PIECES.get(n.pitch, "")
            layers = self.pieces.get(piece)
            if not layers:
                continue
            velocity = float(np.clip(n.velocity / 127 + rng.normal(0, 0.03), 0.02, 1.0))
            hit = next((a for top, a in layers if velocity <= top), layers[-1][1])
            ending = SILENCED_BY.get(piece)
            if ending:
                hit = cut_at(hit, next_start(notes, i, ending) - n.start)
            add_at(out, int(n.start * RATE), hit * np.float32(velocity**self.curve))
        return out


def next_start(notes: list[Note], i: int, pieces: tuple[str, ...]) -> float:
    """When one of these pieces is struck next (seconds), or far away."""
    later = (n.start for n in notes[i + 1 : i + 40] if PIECES.get(n.pitch) in pieces)
    return next(later, 1e9)


def cut_at(hit: np.ndarray, seconds: float) -> np.ndarray:
    """A hit that is damped after this time."""
    stop, fade = int(max(seconds, 0.01) * RATE), int(0.03 * RATE)
    if stop + fade >= hit.shape[1]:
        return hit
    hit = hit[:, : stop + fade].copy()
    hit[:, stop:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return hit
