"""What missing hops cost in quality: held masks against the dry signal and against silence.

    python tools/bench/conceal.py SONGS [--song NAME ...] [--seconds 30] [--model live] [--json]

SONGS has one folder of true stems (NAME.ogg) per song, one of them vocals. Each song runs through the
engine on the virtual device in lockstep; 1, 2 and 5 % of the hops never come, one at a time or in bursts
of 8. SDR as in tools/evaluation/scores.py, in dB: of the vocals and of the music with the vocals
muted, over the excerpt and, "in gaps", over the lost hops alone. All stems together must stay the
input bit for bit.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import common
import numpy as np
import soundfile
from common import Limit

from rtstem.commands.output import progress_bar
from rtstem.engine import Engine
from rtstem.errors import RtstemError
from rtstem.rt import board as b
from tools.evaluation.scores import load_stems, sdr, song_folders

CONCEAL_MS = 500
SHARES = (0.01, 0.02, 0.05)
BURSTS = {"singles": 1, "bursts of 8": 8}
SPACE = 6  # hops at least from gap to gap
BUSES = {
    "muted": {"channels": [1, 2], "gains": "desk"},
    "vocals": {"channels": [3, 4], "gains": {"vocals": 1.0}},
}
Gaps = list[tuple[int, int]]  # first hop of the input, number of hops


@dataclass(frozen=True)
class Song:
    """`mix`, `vocals` float32 [frames, 2]; `path` is the mixture as a file."""

    path: Path
    mix: np.ndarray
    vocals: np.ndarray


def load_song(folder: Path, seconds: float, scratch: Path) -> Song:
    """The first `seconds` of a song; Raises RtstemError where it has no stems or no vocals."""
    stems, rate = load_stems(folder) if folder.is_dir() else ({}, 0)
    if "vocals" not in stems:
        raise RtstemError(f"{folder}: no vocals.ogg; name songs with vocals by --song")
    frames = int(seconds * rate)
    stereo = {name: np.repeat(x, 2, axis=1)[:, [0, -1]] for name, x in stems.items()}
    mix = np.sum(list(stereo.values()), axis=0)[:frames]
    soundfile.write(scratch / "mix.wav", mix, rate, subtype="FLOAT")
    return Song(scratch / "mix.wav", mix, stereo["vocals"][:frames])


def choose_gaps(hops: int, share: float, burst: int, seed: int = 0) -> Gaps:
    """Gaps of `burst` hops, `share` of all hops, spread at random, none in the first second."""
    count = max(1, round(hops * share / burst))
    room = hops - 100 - count * (burst + SPACE)
    starts = np.sort(np.random.default_rng(seed).integers(0, max(1, room), count))
    return [(100 + int(s) + n * (burst + SPACE), burst) for n, s in enumerate(starts)]


class Loss:
    """`before_block` of an engine: tells it which of the coming hops are lost."""

    def __init__(self, gaps: Gaps) -> None:
        self._gaps = list(gaps)
        self.engine: Engine | None = None

    def __call__(self, position: int) -> None:
        if self.engine is None or not self._gaps:
            return
        hop, (first, count) = self.engine.spec.hop, self._gaps[0]
        if position >= (first - 2) * hop:
            h = self.engine._board.header
            h[b.LOST_FROM], h[b.LOST_UNTIL] = first * hop, (first + count) * hop
            del self._gaps[0]


def play(song: Song, model: str, gaps: Gaps, conceal_ms: float, muted: bool = True) -> np.ndarray:
    """`[frames, 4]`: the music without vocals, the vocals; without the delay."""
    blocks: list[np.ndarray] = []
    config = {
        "model": model,
        "provider": "cpu",
        "audio": {"input": f"file:{song.path}", "output": "virtual"},
        "realtime": {"conceal_ms": conceal_ms, "priority": False},
        "buses": BUSES,
        "faders": {"vocals": 0.0} if muted else {},
    }
    loss = Loss(gaps)
    loss.engine = Engine(config, sink=blocks.append, lockstep=True, before_block=loss)
    with loss.engine as engine:
        while not engine.wait(60):
            pass
        if engine.error is not None:
            raise engine.error
        seen = engine.snapshot()
        if gaps and seen.late_hops != sum(count for _, count in gaps):
            raise RtstemError(f"{seen.late_hops} hops were lost instead of those chosen")
    out = np.concatenate(blocks)[engine.latency.frames :]
    return out[: len(song.mix)]


def silenced(clean: np.ndarray, gaps: Gaps, hop: int) -> np.ndarray:
    """What an engine without any fallback would play: nothing where stems are missing."""
    out = clean.copy()
    out[gap_frames(len(clean), gaps, hop)] = 0
    return out


def gap_frames(frames: int, gaps: Gaps, hop: int) -> np.ndarray:
    """Mask `[frames]` of the output that needs a lost hop, for a transform of two hops."""
    mask = np.zeros(frames, bool)
    for first, count in gaps:
        mask[(first - 1) * hop : (first + count) * hop] = True
    return mask


def scores(song: Song, out: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """SDR of the music without vocals and of the vocals, in all and in the gaps."""
    music = song.mix - song.vocals
    values = {"muted": sdr(music, out[:, :2]), "vocals": sdr(song.vocals, out[:, 2:])}
    if mask.any():
        values["muted in gaps"] = sdr(music[mask], out[mask, :2])
        values["vocals in gaps"] = sdr(song.vocals[mask], out[mask, 2:])
    return values


def measure(song: Song, model: str, hop: int, tell: Callable[[], None]) -> list[dict[str, Any]]:
    """Rows of one song."""
    clean = play(song, model, [], CONCEAL_MS)
    tell()
    nothing = np.zeros(len(song.mix), bool)
    rows = [{"lost": "0 %", "what": "", "by": "clean"} | scores(song, clean, nothing)]
    for share in SHARES:
        for name, burst in BURSTS.items():
            gaps = choose_gaps(len(song.mix) // hop, share, burst)
            mask = gap_frames(len(song.mix), gaps, hop)
            outs = {"held masks": play(song, model, gaps, CONCEAL_MS)}
            tell()
            outs["dry"] = play(song, model, gaps, 0)
            tell()
            outs["silence"] = silenced(clean, gaps, hop)
            for by, out in outs.items():
                row = {"lost": f"{100 * share:g} %", "what": name, "by": by}
                rows.append(row | scores(song, out, mask))
    return rows


def exact(song: Song, model: str, hop: int) -> int:
    """Frames of the mix with all faders up that differ from the input while 5 % are lost."""
    gaps = choose_gaps(len(song.mix) // hop, 0.05, 8)
    out = play(song, model, gaps, CONCEAL_MS, muted=False)[:, :2]
    return int((out != song.mix).any(axis=1).sum())


def medians(songs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """One row for all songs; the SDR of all as the change from the clean run."""
    table = []
    for same in zip(*songs, strict=True):
        row = {key: same[0][key] for key in ("lost", "what", "by")}
        for key in ("muted", "vocals"):
            values = [r[key] - (0 if row["by"] == "clean" else s[0][key])
                      for r, s in zip(same, songs, strict=True)]  # fmt: skip
            row[key] = f"{median(values):.2f}" if row["by"] == "clean" else f"{median(values):+.2f}"
        for key in ("muted in gaps", "vocals in gaps"):
            row[key] = f"{median(r[key] for r in same):.1f}" if key in same[0] else ""
        table.append(row)
    return table


def run(options: Any, scratch: Path) -> int:
    """All songs, the table and the limits."""
    from rtstem.model_spec import read_model_spec
    from rtstem.resources import find_model

    hop = read_model_spec(find_model(options.model)).hop
    names = options.song or [song.name for song in song_folders(options.songs)]
    steps = len(names) * (2 * len(SHARES) * len(BURSTS) + 2)
    results: list[list[dict[str, Any]]] = []
    done, differ = itertools.count(1), 0
    with progress_bar("runs") as bar:
        for name in names:

            def advance(name: str = name) -> None:
                bar.update(name, next(done), steps, "")

            song = load_song(options.songs / name, options.seconds, scratch)
            results.append(measure(song, options.model, hop, advance))
            differ += exact(song, options.model, hop)
            advance()
    table = medians(results)
    worst = min(float(row["muted"]) for row in table if row["by"] == "held masks")
    dry = min(float(row["muted"]) for row in table if row["by"] == "dry")
    limits = [
        Limit("frames not the input with all faders up and 5 % lost", differ, 0),
        Limit("worst loss with held masks, as a share of the dry signal's", worst / dry, 0.5),
    ]
    return common.report(table, limits, options.json, songs=", ".join(names), unit="dB")


def main() -> int:
    """Command line."""
    parser = common.arguments(__doc__)
    parser.add_argument(
        "songs", type=common.songs_folder, metavar="SONGS", help="songs with true stems"
    )
    parser.add_argument("--song", nargs="+", help="names of the songs (default: all)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each song (default 30)")
    parser.add_argument("--model", default="live")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return run(options, Path(scratch))
    except RtstemError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
