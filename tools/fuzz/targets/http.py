"""Raw bytes on the web server's port: requests, handshakes, and frames behind them."""

from __future__ import annotations

import random
from pathlib import Path

from rtstem.errors import ConfigError

from ..mutate import damaged, generator
from ..verdict import FailedError
from ..web_rig import Rig, frame, handshake

_WORDS = [
    *(b"GET ", b"POST ", b"/ws", b"/", b" HTTP/1.1"),
    *(b" HTTP/9.9", b"\r\n", b"\n", b"\r\n\r\n", b"Host: "),
    *(b"Host: evil.example\r\n", b"Origin: null\r\n", b"Content-Length: 99999999999\r\n", b"?token="),
    *(b"Transfer-Encoding: chunked\r\n", b"Upgrade: h2c\r\n"),
    *(b"//[", b"%00", b"%2e%2e/", b"../", b"[::1"),
    *(b"\xff", b"\0", b"http://x/", b"*", b"a" * 9000, b"X: y\r\n" * 200, b":", b"@", b"\x80\xff"),
]  # fmt: skip
_CODES = (0, 1, 1, 2, 3, 8, 9, 10, 15)


class Door:
    """HTTP and what comes after."""

    cases = 50_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._rig = seed, Rig(folder)
        self._page = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"

    def make(self, number: int) -> bytes:
        """A request of the page or a handshake with frames, mostly damaged."""
        dice = generator(self._seed, "http", number)
        kind = dice.random()
        if kind < 0.05:
            return dice.randbytes(dice.randrange(1, 300))
        if kind < 0.5:
            return damaged(dice, self._page, _WORDS)
        if kind < 0.7:
            return damaged(dice, handshake(1) + self._frames(dice), _WORDS)
        return handshake(1) + damaged(dice, self._frames(dice))

    def _frames(self, dice: random.Random) -> bytes:
        frames = [
            frame(
                dice.randbytes(dice.choice([0, 5, 130])), dice.choice(_CODES), dice.random() < 0.7
            )
            for _ in range(dice.randint(1, 4))
        ]
        return b"".join(frames)

    def feed(self, data: bytes) -> None:
        """Send it and no more; the server must answer or hang up, with nothing of its own broken."""
        data = data.replace(b"127.0.0.1:1\r", b"127.0.0.1:%d\r" % self._rig.port)
        with self._rig.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(1)  # no more from us
                answer = connection.recv(4096)
                while connection.recv(1 << 16):
                    pass
            except ConnectionError:
                answer = b""
            except TimeoutError:
                raise FailedError("the server neither answers nor hangs up") from None
        self._rig.check()
        status = answer.split(b"\r\n")[0]
        if b" 500 " in status:
            raise FailedError(f"{status!r}")
        if status and b" 200 " not in status and b" 101 " not in status:
            raise ConfigError(status.decode("ascii", "replace"))

    def close(self) -> None:
        """The server."""
        self._rig.close()
