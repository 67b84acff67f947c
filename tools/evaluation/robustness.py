"""What medians hide: leakage into silent stems, and drift.

Voices alone should stay whole, music without voices should leave the vocals silent, silence should
give silence, a stem that rests should rest in the estimate, and the last half minute of a long
stream should be as good as the same music at its start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from rtstem import separate
from tools.evaluation.scores import load_stems, sdr, with_accompaniment

BLOCK = 0.2  # seconds: a stem rests where its level stays below REST for so long
REST = 1e-5  # mean square: -50 dBFS
EDGE_SECONDS = 30.0
SHORTEST_MINUTES = 2 * EDGE_SECONDS / 60

RESTING = "a stem that rests: its level against the mixture in dB, "
MEANING = {
    "silence_peak": "silence in: greatest sample out",
    "a_cappella_vocals_sdr": "voices alone: SDR of the vocals in dB (median)",
    "instrumental_vocals_db": "music without voices: vocals found in it in dB (median)",
    **{f"resting_{stem}_db": RESTING + stem for stem in ("vocals", "drums", "bass", "other")},
    "first_30_s_vocals_sdr": "long stream, first 30 s: SDR of the vocals in dB",
    "last_30_s_vocals_sdr": "long stream, the same music as its last 30 s",
}


def level_db(audio: np.ndarray, reference: np.ndarray) -> float:
    """Energy relative to a reference, in dB."""
    power, base = (float(np.square(a, dtype=np.float64).sum()) for a in (audio, reference))
    return 10 * float(np.log10((power + 1e-12) / (base + 1e-12)))


def songs_of(folders: list[Path]) -> list[tuple[dict[str, np.ndarray], int]]:
    """True stems, with the accompaniment, and rate of every song."""
    loaded = (load_stems(song) for song in folders)
    return [(with_accompaniment(stems), rate) for stems, rate in loaded]


def mixture_of(stems: dict[str, np.ndarray]) -> np.ndarray:
    """The song that these stems and the accompaniment make."""
    return np.sum([stems[name] for name in ("vocals", "accompaniment") if name in stems], axis=0)


def alone(songs: list, model: Path) -> dict[str, float]:
    """Medians: SDR of the vocals of an a cappella, vocals found in an instrumental (dB of it)."""
    whole, leak = [], []
    for stems, rate in songs:
        if "vocals" in stems:
            estimate = separate(stems["vocals"], rate, model=model)["vocals"]
            whole.append(sdr(stems["vocals"], estimate))
        if "accompaniment" in stems:
            estimate = separate(stems["accompaniment"], rate, model=model)["vocals"]
            leak.append(level_db(estimate, stems["accompaniment"]))
    found = {"a_cappella_vocals_sdr": whole, "instrumental_vocals_db": leak}
    return {name: median(values) for name, values in found.items() if values}


def resting_leakage(songs: list, model: Path) -> dict[str, float]:
    """For each stem: level in its rests relative to the mixture there, in dB, all songs together."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for stems, rate in songs:
        mixture = mixture_of(stems)
        estimates = separate(mixture, rate, model=model)
        size = int(BLOCK * rate)
        blocks = len(mixture) // size
        cut = {k: v[: blocks * size].reshape(blocks, -1) for k, v in estimates.items()}
        mixture = mixture[: blocks * size].reshape(blocks, -1)
        for name, estimate in cut.items():
            if name not in stems and "drums" not in stems:
                continue  # only vocals and accompaniment are known of this song
            true = stems.get(name, np.zeros_like(estimates[name]))
            rest = np.square(true[: blocks * size].reshape(blocks, -1)).mean(1) < REST
            rest &= np.square(mixture).mean(1) > 10 * REST
            if rest.any():
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
    if not sung:
        return {}
    voice = np.concatenate([stems["vocals"] for stems in sung])
    mixture = np.concatenate([mixture_of(stems) for stems in sung])
    n = min(int(EDGE_SECONDS * rate), len(mixture))
    fill = np.resize(mixture, (int(minutes * 60 * rate) - 2 * n, mixture.shape[1]))
    stream = np.concatenate([mixture[:n], fill, mixture[:n]])
    estimate = separate(stream, rate, model=model)["vocals"]
    first, last = sdr(voice[:n], estimate[:n]), sdr(voice[:n], estimate[-n:])
    return {"first_30_s_vocals_sdr": first, "last_30_s_vocals_sdr": last}


def silence(model: Path) -> dict[str, float]:
    """Greatest sample of any stem for ten seconds of silence."""
    estimates = separate(np.zeros((441_000, 2), np.float32), 44_100, model=model)
    return {"silence_peak": max(float(np.abs(a).max()) for a in estimates.values())}


def figures(folders: list[Path], model: Path, minutes: float) -> Iterator[dict[str, float]]:
    """All measures one after the other; the keys are those of ``MEANING``.

    Some minutes: the long stream alone is ``minutes`` of music.
    """
    songs = songs_of(folders)
    yield silence(model)
    yield alone(songs, model)
    yield resting_leakage(songs, model)
    yield drift(songs, model, minutes)
