"""Where each true stem ends up: ``python -m tools.train.shares MODEL.onnx DEV --songs NAME ...``.

The estimated spectra of a band are fitted by those of the true stems (least squares, complex, both
channels averaged); the table has the real parts of the factors, medians over the songs. 1 for a stem
in itself and 0 elsewhere is perfect.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.signal import stft

from rtstem import separate
from rtstem.model_spec import read_model_spec
from tools.evaluation.scores import load_stems

SECONDS, FRAME = 20, 2048
EDGES_HZ = (40, 150, 500, 2_000, 6_000, 15_000)
ROCK = tuple(f"MusicDelta_{s}" for s in ("80sRock", "Beatles", "Grunge", "Hendrix", "Punk", "Rock"))


def spectra(stems: dict[str, np.ndarray], names: tuple[str, ...], rate: int) -> np.ndarray:
    """Complex spectra [stems, bins, frames] in the order of ``names``."""
    return np.stack([stft(stems[name].mean(1), rate, nperseg=FRAME)[2] for name in names])


def shares(folder: Path, model: Path, names: tuple[str, ...]) -> np.ndarray:
    """Factors [bands, true stem, estimated stem] of one song in which all stems sound."""
    stems, rate = load_stems(folder)
    stems = {name: audio[: SECONDS * rate] for name, audio in stems.items()}
    mixture = np.sum(list(stems.values()), axis=0)
    true = spectra(stems, names, rate)
    found = spectra(separate(mixture, rate, model=model), names, rate)
    bins = np.fft.rfftfreq(FRAME, 1 / rate)
    out = []
    for low, high in pairwise(EDGES_HZ):
        band = (bins >= low) & (bins < high)
        parts = (x[:, band].reshape(len(names), -1).T for x in (true, found))
        out.append(np.linalg.lstsq(*parts, rcond=None)[0].real)
    return np.array(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dev", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--songs", nargs="+", default=ROCK, help="folders in it")
    args = parser.parse_args()
    names = read_model_spec(args.model).stems
    each = [shares(args.dev / song, args.model, names) for song in args.songs]
    table = np.median(each, axis=0)
    bands = [f"{a}-{b} Hz" for a, b in pairwise(EDGES_HZ)]
    print(f"{'':20s}" + "".join(f"{b:>14s}" for b in bands))
    for t, true in enumerate(names):
        for e, estimated in enumerate(names):
            row = "".join(f"{value:14.2f}" for value in table[:, t, e])
            print(f"{true + ' in ' + estimated:20s}{row}")


if __name__ == "__main__":
    main()
