"""Make the bundled demo song and its true stems.

    python tools/make_demo_song.py            # writes rtstem/assets and tests/data/demo_stems
    python tools/make_demo_song.py --wav DIR  # writes the uncoded stems and mix to DIR instead

Needs flite (Debian: apt-get install flite) and pyworld (PyPI; version 0.3.5 wants setuptools < 81)
for the singer, scipy and soundfile for the rest. The same versions give the same song.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from demo_song.dsp import rms_db  # noqa: E402
from demo_song.mix import STEMS, render  # noqa: E402
from demo_song.score import RATE  # noqa: E402

SONG = ROOT / "rtstem" / "assets" / "demo_song.ogg"
STEM_FOLDER = ROOT / "tests" / "data" / "demo_stems"
# libsndfile's scale: 0 is the best quality and the largest file, 1 the smallest.
SONG_COMPRESSION = 0.5
STEM_COMPRESSION = 0.75


def write_ogg(path: Path, audio: NDArray[np.float64], compression: float) -> None:
    """Write Vorbis through a partial file, so that a failure leaves no half-written song."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with soundfile.SoundFile(
        partial, "w", RATE, 2, format="OGG", subtype="VORBIS", compression_level=compression
    ) as file:
        # One write of a long Vorbis file overflows the encoder's stack: write seconds.
        for first in range(0, len(audio), RATE):
            file.write(audio[first : first + RATE])
    partial.replace(path)


def main() -> int:
    """Render the song, say its levels and write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wav", type=Path, metavar="DIR", help="write float wav files to DIR")
    wav_folder = parser.parse_args().wav
    stems = render()
    mix = np.sum([stems[name] for name in STEMS], axis=0)
    for name, audio in (("mix", mix), *stems.items()):
        print(f"{name:8} {rms_db(audio):6.1f} dBFS rms, peak {np.abs(audio).max():.3f}")
        if wav_folder:
            wav_folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(wav_folder / f"{name}.wav", audio, RATE, subtype="FLOAT")
        elif name == "mix":
            write_ogg(SONG, audio, SONG_COMPRESSION)
        else:
            write_ogg(STEM_FOLDER / f"{name}.ogg", audio, STEM_COMPRESSION)
    return 0


if __name__ == "__main__":
    sys.exit(main())
