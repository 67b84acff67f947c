"""Audio pools: int16 memory maps of parallel stems, cut into regions that never mix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RATE = 44_100
REFERENCE_RMS = 0.1  # -20 dBFS: the level regions are stored at


@dataclass(frozen=True)
class Region:
    """Samples [start, stop) of one source; ``band_limit`` in Hz where a source has no treble."""

    start: int
    stop: int
    source: str
    weight: float = 1.0
    held_out: bool = False
    band_limit: float = 0.0


class PoolWriter:
    """Appends regions to the files of a pool."""

    def __init__(self, folder: Path, stems: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.stems = folder, list(stems)
        self.files = {stem: open(folder / f"{stem}.i16", "wb") for stem in stems}  # noqa: SIM115
        self.channels: dict[str, int] = {}
        self.regions: list[Region] = []
        self.length = 0

    def add(self, audio: dict[str, np.ndarray], **facts: object) -> None:
        """Append one region: float audio [channels, n] per stem, all of equal length."""
        n = next(iter(audio.values())).shape[1]
        for stem in self.stems:
            samples = np.clip(np.round(audio[stem] * 32_767), -32_768, 32_767).astype("<i2")
            self.channels[stem] = len(samples)
            self.files[stem].write(np.ascontiguousarray(samples.T).tobytes())
        self.regions.append(Region(self.length, self.length + n, **facts))
        self.length += n

    def close(self) -> None:
        """Write the index; a pool without one is not whole."""
        for file in self.files.values():
            file.close()
        index = {"channels": self.channels, "regions": [asdict(r) for r in self.regions]}
        (self.folder / "index.json").write_text(json.dumps(index))


class Pool:
    """Random windows out of a pool, regions drawn by weight times length."""

    def __init__(self, folder: Path, held_out: bool = False) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.audio = {
            stem: np.memmap(folder / f"{stem}.i16", "<i2", "r").reshape(-1, channels)
            for stem, channels in index["channels"].items()
        }
        regions = [Region(**r) for r in index["regions"]]
        self.regions = [r for r in regions if r.held_out == held_out] or regions
        mass = np.array([r.weight * (r.stop - r.start) for r in self.regions])
        self.cumulative = np.cumsum(mass / mass.sum())
        self.hours = float(sum(r.stop - r.start for r in self.regions) / RATE / 3600)

    def draw(self, length: int, rng: np.random.Generator) -> tuple[Region, int]:
        """A region and the start of a window in it (shorter regions are repeated)."""
        region = self.regions[int(np.searchsorted(self.cumulative, rng.random()))]
        room = max(0, region.stop - region.start - length)
        return region, region.start + int(rng.integers(room + 1))

    def read(self, stem: str, region: Region, start: int, length: int) -> np.ndarray:
        """Float32 [channels, length] of one stem at a drawn place."""
        block = self.audio[stem][start : min(start + length, region.stop)]
        if len(block) < length:
            block = np.tile(block, (-(-length // len(block)), 1))[:length]
        return block.T.astype(np.float32) / np.float32(32_768)


def normalised(audio: np.ndarray, target: float = REFERENCE_RMS) -> np.ndarray:
    """Audio at the reference loudness of its active part; peaks stay below full scale."""
    frames = audio[:, : audio.shape[1] // 4410 * 4410].reshape(audio.shape[0], -1, 4410)
    power = np.square(frames).mean(axis=(0, 2))
    active = power[power > power.max(initial=0.0) * 1e-3]
    if active.size == 0 or active.max() < 1e-10:
        return audio
    gain = target / np.sqrt(active.mean())
    return audio * np.float32(min(gain, 0.98 / (np.abs(audio).max() + 1e-9)))
