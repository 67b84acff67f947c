"""How near separated stems are to the true ones: SDR and SI-SDR of songs, medians and means.

SDR is that of the whole excerpt, 10 log10(sum ref^2 / sum (ref-est)^2) (Sound Demixing Challenge,
Fabbro et al., 2024); SI-SDR forgives a wrong gain (Le Roux et al., 2019); "improvement" is against
taking the mixture itself as the estimate.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
import soundfile as sf

from rtstem.errors import AudioFileError

Separated = Callable[[np.ndarray, int], Mapping[str, np.ndarray]]
COLUMNS = ("vocals", "accompaniment", "drums", "bass", "other")
GROUPS = {"MusicDelta": "MusicDelta", "mir1k": "MIR-1K"}  # prefix of a song's folder -> group


@dataclass(frozen=True)
class Score:
    """How near an estimated stem is to the true one, in dB."""

    sdr: float
    si_sdr: float
    mixture_sdr: float
    """SDR of the mixture taken as the estimate."""

    @property
    def improvement(self) -> float:
        return self.sdr - self.mixture_sdr


Scores = dict[str, Score]
Summary = dict[str, dict[str, dict[str, float]]]


def song_folders(songs: Path) -> list[Path]:
    """The folders in a folder that hold stems, one a song, by name.

    Raises AudioFileError where there is none.
    """
    folders = sorted({path.parent for path in songs.glob("*/*.ogg")})
    if not folders:
        raise AudioFileError(
            f"{songs}: no songs; a song is a folder with vocals.ogg, drums.ogg, ..."
        )
    return folders


def load_stems(folder: Path) -> tuple[dict[str, np.ndarray], int]:
    """Stem name -> [frames, channels], and the rate; a silent stem has no file.

    Raises AudioFileError where a file cannot be read or is not as long, wide or fast as the others.
    """
    stems, forms = {}, {}
    for path in sorted(folder.glob("*.ogg")):
        try:
            audio, rate = sf.read(path, dtype="float32", always_2d=True)
        except sf.SoundFileError as error:
            raise AudioFileError(f"{path} cannot be read ({error}); write it again") from None
        stems[path.stem] = audio
        forms[rate, *audio.shape] = path.name
    if len(forms) > 1:
        differing = ", ".join(f"{n} {f} frames x {c} at {r} Hz" for (r, f, c), n in forms.items())
        raise AudioFileError(f"{folder}: stems must be alike, cut them to the same: {differing}")
    return stems, next(iter(forms))[0] if forms else 44_100


def sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Signal-to-distortion ratio in dB over the whole excerpt."""
    signal = np.square(reference, dtype=np.float64).sum()
    distortion = np.square(reference - estimate, dtype=np.float64).sum()
    return float(10 * np.log10(signal / (distortion + 1e-12)))


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Scale-invariant SDR in dB: that of the reference at the gain which fits the estimate best."""
    true, found = reference.astype(np.float64), estimate.astype(np.float64)
    gain = (true * found).sum() / np.square(true).sum()
    return sdr(gain * true, found)


def with_accompaniment(stems: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the sum of everything but the vocals, if there is any, where it is no stem of its own."""
    rest = [audio for name, audio in stems.items() if name != "vocals"]
    if "accompaniment" in stems or not rest:
        return stems
    return {**stems, "accompaniment": np.sum(rest, axis=0)}


def score_song(folder: Path, separated: Separated) -> Scores:
    """Every true stem of one song that sounds; without vocals only the instruments count.

    ``separated`` makes stems of a mixture [frames, channels] and its rate.
    """
    references, rate = load_stems(folder)
    mixture = np.sum(list(references.values()), axis=0)
    references = with_accompaniment(references)
    if "vocals" not in references:
        references.pop("accompaniment", None)
    estimates = with_accompaniment(separated(mixture, rate))
    return {
        name: Score(sdr(true, estimates[name]), si_sdr(true, estimates[name]), sdr(true, mixture))
        for name, true in references.items()
    }


def score_songs(songs: Path, separated: Separated) -> dict[str, Scores]:
    """Every song of a folder, one after the other, with progress on stderr.

    Raises AudioFileError where there is none.
    """
    folders, found = song_folders(songs), {}
    for number, folder in enumerate(folders, 1):
        print(f"\r{number} of {len(folders)} songs", end="", file=sys.stderr, flush=True)
        found[folder.name] = score_song(folder, separated)
    print(file=sys.stderr)
    return found


def summarise(songs: dict[str, Scores]) -> Summary:
    """Per group and stem: medians of SDR, improvement and SI-SDR, and the mean SDR."""
    summary: Summary = {}
    for prefix, group in (*GROUPS.items(), ("", "all")):
        members = [scores for name, scores in songs.items() if name.startswith(prefix)]
        for stem in COLUMNS:
            found = [scores[stem] for scores in members if stem in scores]
            if found:
                summary.setdefault(group, {})[stem] = {
                    "sdr": round(median(score.sdr for score in found), 2),
                    "improvement": round(median(score.improvement for score in found), 2),
                    "si_sdr": round(median(score.si_sdr for score in found), 2),
                    "mean_sdr": round(mean(score.sdr for score in found), 2),
                }
    return summary
