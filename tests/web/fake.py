"""An engine that only looks like one, and clients of the web mixer without a browser."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import numpy as np
from websockets.sync.client import ClientConnection, connect

from rtstem.control.telemetry import Meters, Percentiles, Snapshot
from rtstem.control.web import WebSurface

STEMS = ("vocals", "drums")


class FakeEngine:
    """As much engine as the page needs, its meters in our hand."""

    def __init__(self) -> None:
        self.notice = ""
        self.spec = SimpleNamespace(name="tiny", stems=STEMS)
        self.rate, self.provider = 44100, "CPUExecutionProvider"
        self.route, self.bus_names = ("in", "out"), ("main",)
        self.latency = SimpleNamespace(describe=lambda: "20 ms")
        self.peak = 0.0
        self.looks = self.opened = 0
        self.opening: Callable[[], object] = lambda: None  # what takes its time

    def meters(self) -> Meters:
        pair = (self.peak, self.peak)
        return Meters(pair, {"main": pair}, dict.fromkeys(STEMS, self.peak))

    def open_spectrum(self) -> SimpleNamespace:
        self.opening()
        self.opened += 1
        return SimpleNamespace(read=self._read_bands)

    def _read_bands(self) -> np.ndarray:
        self.looks += 1
        return np.full((len(STEMS), 32), 255 * self.peak, np.uint8)

    def snapshot(self) -> Snapshot:
        none = Percentiles(0, 0, 0, 0, 0)
        pair = (self.peak, self.peak)
        return Snapshot(
            True, 1.0, none, none, 0.1, *[0] * 12, pair, {"main": pair},
            dict.fromkeys(STEMS, self.peak), 20.0,
        )  # fmt: skip


class Client:
    """One connection with what it was told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, message: object) -> None:
        self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def next(self, kind: str, seconds: float = 30.0) -> dict:
        end = time.monotonic() + seconds
        while True:
            text = self.socket.recv(timeout=max(0.0, end - time.monotonic()))
            if isinstance(text, str) and (message := json.loads(text))["type"] == kind:
                return message

    def bands(self, seconds: float = 30.0) -> bytes:
        """The next spectrum."""
        end = time.monotonic() + seconds
        while True:
            message = self.socket.recv(timeout=max(0.0, end - time.monotonic()))
            if isinstance(message, bytes):
                return message

    def silent(self, seconds: float) -> bool:
        try:
            self.socket.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False


@contextmanager
def clients() -> Iterator[Callable[..., Client]]:
    """Gives join(surface, path, **options of connect) -> Client; closes them all at the end."""
    with ExitStack() as stack:

        def join(surface: WebSurface, path: str = "ws", **options: object) -> Client:
            address = surface.url.split("#")[0].replace("http", "ws") + path
            socket = connect(address, open_timeout=30, close_timeout=0.2, **options)
            return Client(stack.enter_context(socket))

        yield join


def get(surface: WebSurface, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(surface.url.split(":")[2].split("/")[0])
    )
    connection.request("GET", path, headers=headers)
    return connection.getresponse()
