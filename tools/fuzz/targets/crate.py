"""Records of finished stems (`rtstem.json`), and the crate's look at the song that they are of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import soundfile

from rtstem.crate_index import SIDECAR, StemFolder, clean, stem_folders
from rtstem.crate_work import Job, Settings, look
from rtstem.errors import ConfigError

from ..mutate import damaged, generator
from ..verdict import FailedError
from .log import _changed

_WORDS = [
    *(
        b'"files"',
        b'"version"',
        b'"size"',
        b"null",
        b"1",
        b"NaN",
        b"1e400",
        b"9" * 5000,
        b"[" * 3000,
    ),
    *(b"../../x", b"/etc/passwd", b"\\u0000", b"\\ud800", b"\xff", b'"', b"{", b"}", b"\x1b"),
]


class Door:
    """Records."""

    cases = 30_000
    room = 512

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._destination = seed, folder / "stems"
        song = folder / "song.wav"
        soundfile.write(song, np.zeros((400, 2), np.float32), 44_100)
        settings = Settings("live", "0" * 64, "wav", ("vocals", "other"), "cpu", overwrite=False)
        self._job = Job(song, self._destination / "song", settings)
        first = look(self._job, lambda seconds: None)
        self._wanted = settings.wanted(first.audio)
        StemFolder(self._job.folder).begin(self._wanted)
        for name in self._wanted.files:
            (self._job.folder / name).write_bytes(b"stem")
        StemFolder(self._job.folder).complete(self._wanted)
        self._record = (self._job.folder / SIDECAR).read_bytes()
        if not look(self._job, lambda seconds: None).held:
            raise FailedError("a good record does not hold")

    def make(self, number: int) -> bytes:
        """A record."""
        dice = generator(self._seed, "crate", number)
        if dice.random() < 0.5:
            return damaged(dice, self._record, _WORDS)
        return json.dumps(_changed(dice, json.loads(self._record))).encode()

    def feed(self, data: bytes) -> None:
        """All that reads it."""
        (self._job.folder / SIDECAR).write_bytes(data)
        seen = look(self._job, lambda seconds: None)
        if seen.error:
            raise FailedError(seen.error[:300])
        clean(self._destination)
        folders = list(stem_folders(self._destination))
        if len(folders) != 1 or not all(isinstance(hash_, str) for hash_ in folders[0].audio()):
            raise FailedError("the folder of stems is not one any more")
        foreign = folders[0].foreign(self._wanted)
        if not seen.held:
            raise ConfigError("not held" if foreign is None else "not held, and foreign files")

    def close(self) -> None:
        """Nothing was started."""
