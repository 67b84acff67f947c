"""WebSocket messages to the real server, each followed by one that it must answer in order."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from typing import Any

from rtstem.control.web_protocol import BURST, MAX_BYTES
from rtstem.errors import ConfigError

from ..mutate import damaged, generator
from ..verdict import FailedError
from ..web_rig import Rig, frame, handshake

_MARK = "mark-of-the-case"
_QUESTION = json.dumps({"type": _MARK}).encode()
_AT_ONCE = int(BURST) // 2 - 2  # beyond it the server slows us down
_WORDS = [
    *(b'"type"', b'"apply"', b'"learn"', b'"sync"', b'"watch"', b'"value"', b'"action"', b'"spectrum"'),
    *(b"null", b"true", b"NaN", b"Infinity", b"1e400", b"-0", b"9" * 400, b"[", b"{", b"}", b"]", b","),
    *(b"\\ud800", b"\\u0000", b"\x1b", b'"', b"\xff"),
    *(b"\xed\xa0\x80", b"0.5", b":", b"\\", b"[" * 2000),
]  # fmt: skip
_VALUES: list[Any] = [
    None,
    True,
    0,
    1,
    0.5,
    -1,
    2,
    10**30,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    {},
]


class Door:
    """WebSocket messages."""

    cases = 100_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._rig = seed, Rig(folder)
        self._names = self._rig.actions.names
        self._socket: socket.socket | None = None
        self._sent, self._heard = 0, b""

    def make(self, number: int) -> bytes:
        """A message, mostly of text; a first byte of 0 makes it a binary one."""
        dice = generator(self._seed, "web", number)
        if dice.random() < 0.02:
            return dice.randbytes(dice.randrange(200))
        message = self._message(dice)
        text = json.dumps(message, ensure_ascii=dice.random() < 0.5).encode(errors="surrogatepass")
        return damaged(dice, text, _WORDS) if dice.random() < 0.5 else text

    def _message(self, dice: random.Random) -> dict[str, Any]:
        kind = dice.choice(["apply", "apply", "apply", "learn", "sync", "watch", "x"])
        message: dict[str, Any] = {"type": kind}
        if kind in ("apply", "learn"):
            message["action"] = dice.choice(
                [*self._names, *_VALUES, "\ud800", "\x1b[2J", "a" * 3000]
            )
        if kind == "apply":
            message["value"] = dice.choice([*_VALUES, dice.random(), dice.random()])
        if kind == "watch":
            message["spectrum"] = dice.choice([True, False, *_VALUES])
        if dice.random() < 0.1:
            message[dice.choice(["type", "x", "", "value"])] = dice.choice(_VALUES)
        return message

    def feed(self, data: bytes) -> None:
        """Send it and wait for the answer to what follows it; a new connection where it was closed."""
        if self._socket is None or self._sent >= _AT_ONCE:
            self._open()
        assert self._socket is not None
        self._sent += 1
        code = 2 if data[:1] == b"\0" else 1
        try:
            self._socket.sendall(frame(data, code) + frame(_QUESTION))
            errors = self._answers()
        except ConnectionError:
            errors = None
        except TimeoutError:
            self._drop()
            self._rig.check()
            raise FailedError("the server does not answer") from None
        self._rig.check()
        if errors is None:
            self._drop()
            if _must_be_taken(data, code):
                raise FailedError("the server hung up on a message that it may not hang up on")
        elif len(errors) > 1:
            raise ConfigError(errors[0])

    def _answers(self) -> list[str] | None:
        """The errors up to that of our own mark; None where the server hung up."""
        errors: list[str] = []
        while True:
            code, payload = self._frame()
            if code == 8:
                return None
            if code == 1 and (message := json.loads(payload))["type"] == "error":
                errors.append(message["message"])
                if _MARK in errors[-1]:
                    return errors

    def _frame(self) -> tuple[int, bytes]:
        head = self._bytes(2)
        size = head[1]
        if size >= 126:
            size = int.from_bytes(self._bytes(2 if size == 126 else 8), "big")
        return head[0] & 15, self._bytes(size)

    def _bytes(self, count: int) -> bytes:
        assert self._socket is not None
        while len(self._heard) < count:
            piece = self._socket.recv(1 << 16)
            if not piece:
                raise ConnectionError
            self._heard += piece
        taken, self._heard = self._heard[:count], self._heard[count:]
        return taken

    def _open(self) -> None:
        self._drop()
        self._socket = self._rig.connect()
        self._sent, self._heard = 0, b""
        self._socket.sendall(handshake(self._rig.port))
        while b"\r\n\r\n" not in self._heard:
            self._heard += self._socket.recv(1 << 16)
        status, _, self._heard = self._heard.partition(b"\r\n\r\n")
        if b" 101 " not in status:
            self._drop()
            raise FailedError(f"no way in: {status[:100]!r}")

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Both sides."""
        self._drop()
        self._rig.close()


def _must_be_taken(data: bytes, code: int) -> bool:
    """Whether RFC 6455 and the size limit leave no reason to close the connection."""
    if len(data) > MAX_BYTES:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return code == 2
    return True
