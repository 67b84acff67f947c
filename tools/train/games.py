"""Chooses instrumental game music: ``python -m tools.train.games GAMES`` looks for voices.

The packages do not say which pieces are sung. A separator measures how much of each piece between
200 Hz and 4 kHz it takes for a voice; what stands out is listed, and goes into ``SUNG_OR_NOISY``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.signal import butter, sosfilt

from rtstem import separate
from tools.train.sampler import RATE, load_stereo

SUNG_OR_NOISY = {
    "tux_rap", "pirate", "sheep", "sdmusic", "olympics_sd", "nunc_dimittis", "heroes_rite",
    "the_king_is_dead", "nature", "fruit", "psymongo2", "crystan-geosphere03", "azrael1",
    "underground", "world_map2", "ptn2", "mutilated_mime-song",
    "olivier_militon.-.vers_solitaire", "irelands_coast", "automat", "eureka", "mechanic",
}  # fmt: skip
EXCERPT_SECONDS, EXCERPTS = 12, 2


def tracks(folder: Path) -> list[Path]:
    """Every piece of music below a folder."""
    return sorted(p for p in folder.rglob("*") if p.suffix in (".ogg", ".opus"))


def instrumental(folder: Path) -> list[Path]:
    """The pieces that are not known to hold voices or noises."""
    return [p for p in tracks(folder) if p.stem.lower() not in SUNG_OR_NOISY]


def vocal_share(path: Path, model: str) -> float:
    """Loudest share (dB) of the vocal stem in the mixture over a few excerpts, 200 to 4000 Hz."""
    audio = load_stereo(path)
    length = EXCERPT_SECONDS * RATE
    starts = np.linspace(0, max(0, audio.shape[1] - length), EXCERPTS + 2)[1:-1].astype(int)
    band = butter(4, [200, 4_000], "band", fs=RATE, output="sos")
    shares = []
    for start in starts:
        mixture = audio[:, start : start + length].T
        vocals = separate(mixture, RATE, model=model)["vocals"]
        energy = [np.square(sosfilt(band, x, axis=0)).sum() + 1e-9 for x in (vocals, mixture)]
        shares.append(10 * np.log10(energy[0] / energy[1]))
    return float(max(shares))


def main() -> None:
    """Print every piece with its share, the most suspicious first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("games", type=Path)
    parser.add_argument("--model", default="live")
    args = parser.parse_args()
    found = []
    for path in instrumental(args.games):
        found.append((vocal_share(path, args.model), path))
        print(f"{found[-1][0]:6.1f} dB  {path.parent.name}/{path.name}", flush=True)
    print("most suspicious first")
    for share, path in sorted(found, reverse=True)[:40]:
        print(f"{share:6.1f} dB  {path.parent.name}/{path.name}")


if __name__ == "__main__":
    main()
