"""Damaged audio files of all kinds, read as `rtstem split` and a file input read them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import soundfile

from rtstem.errors import RtstemError
from rtstem.io.decode import AudioFile
from rtstem.io.files import open_reader

from ..mutate import damaged, generator
from ..verdict import FailedError

_FRAMES = 600
_MOST_READ = 1 << 22  # frames; a header may promise more than a case has time for
_KINDS = [
    *(("wav", "PCM_16", 2), ("wav", "FLOAT", 1), ("wav", "PCM_24", 2), ("wav", "IMA_ADPCM", 1)),
    *(("wav", "MS_ADPCM", 2), ("wav", "ULAW", 1), ("wav", "GSM610", 1), ("rf64", "PCM_16", 2)),
    *(("w64", "PCM_16", 2), ("aiff", "PCM_16", 2), ("caf", "PCM_16", 2), ("caf", "ALAC_16", 2)),
    *(("au", "PCM_16", 1), ("flac", "PCM_16", 2), ("flac", "PCM_24", 1), ("ogg", "VORBIS", 2)),
    *(("ogg", "OPUS", 2), ("mp3", "MPEG_LAYER_III", 2)),
]
_WORDS = [
    *(b"RIFF", b"RF64", b"WAVE", b"fmt ", b"data", b"LIST"),
    *(b"ds64", b"JUNK", b"bext", b"cart", b"fact"),
    *(b"FORM", b"AIFC", b"COMM", b"SSND", b"fLaC", b"OggS"),
    *(b"OpusHead", b"\x01vorbis", b"ID3\x04", b".snd"),
    *(b"caff", b"desc", b"pakt", b"kuki", b"id3 ", b"smpl"),
    *(b"cue ", b"PEAK", b"\xff\xff\xff\xff", b"\0" * 8),
    *(b"\xff\xfb\x90\x64", b"\xff" * 8, b"\xfe\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\xc0\x7f"),
]  # fmt: skip


class Door:
    """Audio files."""

    cases = 100_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._folder = seed, folder
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, (_FRAMES, 2)).astype(np.float32)
        self._good: list[bytes] = []
        for kind, subtype, channels in _KINDS:
            path = folder / f"good.{kind}"
            form = {"au": "AU", "aiff": "AIFF", "rf64": "RF64", "w64": "W64"}.get(kind)
            soundfile.write(path, noise[:, :channels], 48_000, subtype=subtype, format=form)
            self._good.append(path.read_bytes())

    def make(self, number: int) -> bytes:
        """A number that chooses the file's name, and its content."""
        dice = generator(self._seed, "audio", number)
        place = dice.randrange(len(_KINDS))
        kept = place if dice.random() < 0.95 else dice.randrange(len(_KINDS))
        return bytes([kept]) + self._damage(dice, self._good[place])

    def _damage(self, dice: random.Random, good: bytes) -> bytes:
        if dice.random() < 0.01:
            return dice.randbytes(dice.randrange(600))
        return damaged(dice, good, _WORDS, self._good)

    def feed(self, data: bytes) -> None:
        """Whole, and as an input at the engine's rate."""
        number = data[0] % len(_KINDS) if data else 0
        path = self._folder / f"case.{_KINDS[number][0]}"
        path.write_bytes(data[1:])
        refused: RtstemError | None = None
        try:
            self._split(path)
        except RtstemError as error:
            refused = error
        try:
            self._play(path)
        except RtstemError:
            if refused is None:
                raise
        if refused is not None:
            raise refused

    def _split(self, path: Path) -> None:
        notes: list[str] = []
        read = 0
        with AudioFile(path, notes.append) as file:
            for block in file.blocks(16_384):
                if block.dtype != np.float32 or block.shape[1:] != (file.channels,):
                    raise FailedError(f"a block of {block.dtype} {block.shape}")
                read += len(block)
                if read > _MOST_READ:
                    break
        if any("\n" in note for note in notes):
            raise FailedError(f"a note of several lines: {notes}"[:300])

    def _play(self, path: Path) -> None:
        reader = open_reader(path, 44_100)
        try:
            for _ in range(8):
                block = reader.read(4096)
                if block.dtype != np.float32 or block.shape[1:] != (2,):
                    raise FailedError(f"a block of {block.dtype} {block.shape}")
        finally:
            reader.close()

    def close(self) -> None:
        """Nothing was started."""
