"""Bytes from a terminal or a pipe (`ssh box rtstem live`), read as keys and pressed on a desk."""

from __future__ import annotations

import os
from pathlib import Path

from rtstem.control.desk import Desk
from rtstem.control.keymap import KeyDesk
from rtstem.control.keys import PipeKeys

from ..mutate import generator
from ..verdict import FailedError

_WORDS = [
    *(b"\x1b", b"\x1b[", b"\x1b[A", b"\x1bO", b"\x1b[200~", b"[", b"1", b"q", b" ", b"\x03", b"\x00"),
    *("ä".encode(), b"\xc3", b"\xff\xfe", b"\r\n", b"\x1b[999;999H", b"\x1b]0;", b"\x9b", b"\x7f"),
]  # fmt: skip


class Door:
    """Keys."""

    cases = 100_000
    room = 512

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._read, self._write = os.pipe()
        self._keys = PipeKeys(self._read)
        presets = {"quiet": {"vocals": 0.2}}
        self._desk = KeyDesk(Desk(("vocals", "drums"), presets, lambda state: None), ("quiet",))

    def make(self, number: int) -> bytes:
        """At least one byte, as the end of a pipe is another thing."""
        dice = generator(self._seed, "keys", number)
        noise = dice.randbytes(dice.choice([0, 0, 1, 3]))
        return noise + b"".join(dice.choices(_WORDS, k=dice.randint(1, 6)))

    def feed(self, data: bytes) -> None:
        """Write it into the pipe, press what comes out."""
        os.write(self._write, data)
        keys = self._keys.read(1.0)
        if "eof" in keys and b"\x04" not in data:
            raise FailedError("the end of a pipe that is open")
        for key in keys:
            line = self._desk.press(key)
            if not line.isprintable():
                raise FailedError(f"a line that is none: {line!a}")

    def close(self) -> None:
        """Both ends."""
        os.close(self._read)
        os.close(self._write)
