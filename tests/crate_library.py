"""A music library as people have them, for the tests of `rtstem crate`; see `messy_library`."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import soundfile

from rtstem.crate_index import SIDECAR

SUBTYPES = {"flac": "PCM_24", "wav": "PCM_24", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}
GOOD = (
    "01 song.flac",
    "Artist/Album/mono.wav",
    "Artist/Album/mono.ogg",
    "Artist/six.wav",
    "odd/Ünï ☃ 'q\" $x; -rf *.mp3",
    "odd/new\nline.MP3",
    "odd/" + os.fsdecode(b"not utf-8 \xff.wav"),
)
COPIES = {"copy.flac": "01 song.flac", "odd/again/other name.wav": "Artist/Album/mono.wav"}
BAD = ("empty.wav", "text.mp3", "junk.flac", "header only.flac", "dangling.wav", "pipe.wav")
IGNORED = (".hidden.wav", "._01 song.flac", "cover.jpg", ".Trash/deleted.wav")


def song(path: Path, rate: int = 44100, channels: int = 2, seconds: float = 0.5, seed: int = 0):
    """Noise at `path`, in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(seed).standard_normal((int(rate * seconds), channels)) * 0.1
    kind = path.suffix[1:].lower()
    with path.open("wb") as file:  # libsndfile's wrapper wants names in UTF-8
        soundfile.write(file, audio, rate, SUBTYPES[kind], format=kind)
    return path


def messy_library(library: Path) -> None:
    """GOOD songs, COPIES of them, BAD files, IGNORED ones, and a link that goes round in a circle."""
    rates = (44100, 22050, 48000, 96000, 44100, 32000, 8000)
    channels = (2, 1, 2, 6, 2, 2, 1)
    for seed, (name, rate, count) in enumerate(zip(GOOD, rates, channels, strict=True)):
        song(library / name, rate, count, seed=seed)
    for copy, original in COPIES.items():
        (library / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library / original, library / copy)
    (library / "empty.wav").touch()
    (library / "text.mp3").write_text("no music\n")
    (library / "junk.flac").write_bytes(bytes(range(256)) * 20)
    (library / "header only.flac").write_bytes((library / "01 song.flac").read_bytes()[:2000])
    (library / "dangling.wav").symlink_to("nowhere.wav")
    os.mkfifo(library / "pipe.wav")
    for name in IGNORED:
        (library / name).parent.mkdir(exist_ok=True)
        shutil.copy(library / "01 song.flac", library / name)
    (library / "odd" / "circle").symlink_to(library)


def pcm24(path: Path) -> np.ndarray:
    """Integer samples [frames, channels] of 24 bits."""
    with path.open("rb") as file:
        return soundfile.read(file, dtype="int32", always_2d=True)[0].astype(np.int64) >> 8


def assert_whole(folder: Path, source: Path, stems: tuple[str, ...]) -> None:
    """The stems in `folder`, 24-bit flac, sum to the 24-bit song exactly; there is nothing else."""
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {SIDECAR, *(f"{stem}.flac" for stem in stems)}
    assert np.array_equal(sum(pcm24(folder / f"{stem}.flac") for stem in stems), pcm24(source))


def temporaries(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def unfinished(pid: int) -> set[str]:
    """Names of the temporary files that a process has open at this moment."""
    names = set()
    with contextlib.suppress(FileNotFoundError):  # of a process that ends meanwhile
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                names.add(Path(os.readlink(link)).name)
    return {name for name in names if name.endswith(".part")}
