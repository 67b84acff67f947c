"""Raw bytes on the web server's port: requests, handshakes, and frames behind them."""

from __future__ import annotations

import contextlib
import errno
import random
import socket
from pathlib import Path

from rtstem.errors import ConfigError

from ..mutate import damaged, generator
from ..verdict import FailedError
from ..web_rig import ANSWER_SECONDS, Rig, frame, handshake

_WORDS = [
    *(b"GET ", b"POST ", b"/ws", b"/", b" HTTP/1.1"),
    *(b" HTTP/9.9", b"\r\n", b"\n", b"\r\n\r\n", b"Host: "),
    *(b"Host: evil.example\r\n", b"Origin: null\r\n", b"Content-Length: 99999999999\r\n", b"?token="),
    *(b"Transfer-Encoding: chunked\r\n", b"Upgrade: h2c\r\n"),
    *(b"//[", b"%00", b"%2e%2e/", b"../", b"[::1"),
    *(b"\xff", b"\0", b"http://x/", b"GET //[ ", b"GET http://["),
    *(b"*", b"a" * 9000, b"X: y\r\n" * 200, b":", b"@", b"\x80\xff"),
]  # fmt: skip
_QUIET_SECONDS = 0.01
_PATHS = (
    *(
        b"GET //[x",
        b"GET http://[/ws",
        b"GET http://evil.example/",
        b"GET /%2e%2e/errors.py",
        b"GET /ws",
    ),
    *(
        b"GET /../errors.py",
        b"GET /ws?token=%ff",
        b"GET /ws?" + b"a&" * 2000,
        b"GET *",
        b"GET /\x7f",
        b"PUT /",
    ),
)
_CODES = (0, 1, 1, 2, 3, 8, 9, 10, 15)


class Door:
    """HTTP and what comes after."""

    cases = 30_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._rig = seed, Rig(folder, token="secret")
        self._page = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"

    def make(self, number: int) -> bytes:
        """A request of the page or a handshake with frames, mostly damaged."""
        dice = generator(self._seed, "http", number)
        kind = dice.random()
        if kind < 0.05:
            return dice.randbytes(dice.randrange(1, 300))
        if kind < 0.15:
            return self._page.replace(b"GET /", dice.choice(_PATHS), 1)
        if kind < 0.5:
            return damaged(dice, self._page, _WORDS)
        if kind < 0.7:
            return damaged(dice, handshake(1, b"/ws?token=secret") + self._frames(dice), _WORDS)
        return handshake(1, b"/ws?token=secret") + damaged(dice, self._frames(dice))

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
                answer = _until_quiet(connection)
                connection.shutdown(socket.SHUT_WR)  # no more from us: now it must hang up
                connection.settimeout(ANSWER_SECONDS)
                while piece := connection.recv(1 << 16):
                    answer += piece
            except ConnectionError:
                answer = b""
            except OSError as error:
                if error.errno != errno.ENOTCONN:  # it has hung up
                    raise FailedError(f"the server does not hang up: {error}") from None
        self._rig.check()
        status = answer.split(b"\r\n")[0] if answer.startswith(b"HTTP") else b""
        if b" 500 " in status:
            raise FailedError(f"{status!r}")
        if status and b" 200 " not in status and b" 101 " not in status:
            raise ConfigError(status.decode("ascii", "replace"))

    def close(self) -> None:
        """The server."""
        self._rig.close()


def _until_quiet(connection: socket.socket) -> bytes:
    """What comes before the server waits for more, or has hung up."""
    connection.settimeout(_QUIET_SECONDS)
    answer = b""
    with contextlib.suppress(TimeoutError):
        while piece := connection.recv(1 << 16):
            answer += piece
    return answer
