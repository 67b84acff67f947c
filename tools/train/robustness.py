"""What medians hide: ``python -m tools.train.robustness MODEL.onnx DEV``.

Voices alone should stay whole, music without voices should leave the vocals silent, silence should
give silence, a stem that rests should rest in the estimate, and the last half minute of a long
stream should be as good as the same music at its start.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

import numpy as np

from rtstem import separate
from tools.evaluate import load_stems, sdr, song_folders, with_accompaniment

BLOCK = 0.2  # seconds: a stem rests where its level stays below REST for so long
REST = 1e-5  # mean square: -50 dBFS
EDGE_SECONDS = 30.0


def level_db(audio: np.ndarray, reference: np.ndarray) -> float:
    """Energy relative to a reference, in dB."""
    power, base = (float(np.square(a, dtype=np.float64).sum()) for a in (audio, reference))
    return 10 * float(np.log10((power + 1e-12) / (base + 1e-12)))


def songs_of(folder: Path) -> list[tuple[dict[str, np.ndarray], int]]:
    """True stems, with the accompaniment, and rate of every song."""
    loaded = (load_stems(song) for song in song_folders(folder))
    return [(with_accompaniment(stems), rate) for stems, rate in loaded]


def alone(songs: list, model: Path) -> dict[str, float]:
    """Medians: SDR of the vocals of an a cappella, vocals found in an instrumental (dB of it)."""
    whole, leak = [], []
    for stems, rate in songs:
        if "vocals" in stems:
            estimate = separate(stems["vocals"], rate, model=model)["vocals"]
            whole.append(sdr(stems["vocals"], estimate))
        estimate = separate(stems["accompaniment"], rate, model=model)["vocals"]
        leak.append(level_db(estimate, stems["accompaniment"]))
    return {"a_cappella_vocals_sdr": median(whole), "instrumental_vocals_db": median(leak)}


def resting_leakage(songs: list, model: Path) -> dict[str, float]:
    """For each stem: level in its rests relative to the mixture there, in dB, all songs together."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for stems, rate in songs:
        mixture = stems["accompaniment"] + stems.get("vocals", 0)
        estimates = separate(mixture, rate, model=model)
        size = int(BLOCK * rate)
        blocks = len(mixture) // size
        cut = {k: v[: blocks * size].reshape(blocks, -1) for k, v in estimates.items()}
        mixture = mixture[: blocks * size].reshape(blocks, -1)
        for name, estimate in cut.items():
            if name not in stems and "drums" not in stems:
                continue  # only vocals and accompaniment are known of this song
            true = stems.get(name, np.zeros_like(stems["accompaniment"]))
            rest = np.square(true[: blocks * size].reshape(blocks, -1)).mean(1) < REST
            rest &= np.square(mixture).mean(1) > 10 * REST
            found.setdefault(name, []).append((estimate[rest], mixture[rest]))
    return {
        f"resting_{name}_db": level_db(
            np.concatenate([e.ravel() for e, _ in pairs]),
            np.concatenate([m.ravel() for _, m in pairs]),
        )
        for name, pairs in found.items()
    }


def drift(songs: list, model: Path, minutes: float) -> dict[str, float]:
    """Vocal SDR of half a minute of music at the start of a long stream and at its end."""
    rate = songs[0][1]
    sung = [stems for stems, _ in songs if "vocals" in stems]
    n = int(EDGE_SECONDS * rate)
    middle = int((minutes * 60 - 2 * EDGE_SECONDS) * rate)
    voice = np.concatenate([stems["vocals"] for stems in sung])
    mixture = voice + np.concatenate([stems["accompaniment"] for stems in sung])
    fill = np.resize(mixture, (middle, 2))
    stream = np.concatenate([mixture[:n], fill, mixture[:n]])
    estimate = separate(stream, rate, model=model)["vocals"]
    first, last = sdr(voice[:n], estimate[:n]), sdr(voice[:n], estimate[-n:])
    return {"first_30_s_vocals_sdr": first, "last_30_s_vocals_sdr": last}


def silence(model: Path) -> dict[str, float]:
    """Greatest sample of any stem for ten seconds of silence."""
    estimates = separate(np.zeros((441_000, 2), np.float32), 44_100, model=model)
    return {"silence_peak": max(float(np.abs(a).max()) for a in estimates.values())}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("songs", type=Path, help="folder with one folder of stems per song")
    parser.add_argument("--minutes", type=float, default=20.0, help="length of the long stream")
    parser.add_argument("--json", type=Path, help="write all figures here")
    args = parser.parse_args()
    songs = songs_of(args.songs)
    figures: dict[str, float] = {}
    for part in (
        lambda: silence(args.model),
        lambda: alone(songs, args.model),
        lambda: resting_leakage(songs, args.model),
        lambda: drift(songs, args.model, args.minutes),
    ):
        found = part()
        figures |= found
        for name, value in found.items():
            print(f"{name:26s} {value:8.2f}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
