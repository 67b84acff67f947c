"""The real web server over a real engine with a small model, and a raw connection to it."""

from __future__ import annotations

import logging
import os
import socket
import struct
from pathlib import Path
from traceback import extract_tb

from rtstem.control.actions import ActionTable
from rtstem.control.web import WebSurface
from rtstem.engine import Engine
from tests.models import tiny_model

ANSWER_SECONDS = 10.0


class Rig(logging.Handler):
    """A web mixer, and what its thread has complained of beside its clients' bad manners."""

    def __init__(self, folder: Path, token: str | None = None) -> None:
        super().__init__(logging.ERROR)
        model = tiny_model(folder / "tiny.onnx", "waveform", hop=4096)
        audio = {"input": "virtual:silence", "output": "virtual"}
        self._engine = Engine({"model": str(model), "audio": audio})
        self._engine.start()
        self.actions = ActionTable(self._engine.desk)
        self.surface = WebSurface(
            self._engine, self.actions, port=0, token=token, learn=lambda *_: None
        )
        self.complaints: list[BaseException] = []
        logging.getLogger("rtstem.web").addHandler(self)
        self.surface.start()
        self.port = int(self.surface.url.split("/")[2].rpartition(":")[2])

    def emit(self, record: logging.LogRecord) -> None:
        """Called by the library with what it caught. What is its own costs the client its connection."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and any(
            "/rtstem/" in f.filename for f in extract_tb(error.__traceback__)
        ):
            self.complaints.append(error)

    def check(self) -> None:
        """Raise what the server's thread has met since the last call."""
        if self.complaints:
            raise self.complaints.pop()

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)

    def close(self) -> None:
        """Everything."""
        logging.getLogger("rtstem.web").removeHandler(self)
        self.surface.stop()
        self._engine.stop()


def handshake(port: int, path: bytes = b"/ws") -> bytes:
    """The request of a browser that opens the WebSocket."""
    lines = [
        *(
            f"GET {path.decode()} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            f"Origin: http://127.0.0.1:{port}",
        ),
        *("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"),
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(payload: bytes, code: int = 1, final: bool = True) -> bytes:
    """A client's frame: masked, text where nothing else is said."""
    head = bytes([0x80 * final | code])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + struct.pack(">H", size)
    else:
        head += bytes([0x80 | 127]) + struct.pack(">Q", size)
    mask = os.urandom(4)
    repeated = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + number.to_bytes(size, "big")
