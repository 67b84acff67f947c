"""OSC messages and a controller on a port of its own, for tests over real UDP."""

from __future__ import annotations

import socket
import time

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from rtstem.control.osc import OscSurface
from rtstem.control.osc_packet import read


def message(address: str, *arguments: object):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build()


def bundle(*parts: object, tag: float = IMMEDIATELY):
    builder = OscBundleBuilder(tag)
    for part in parts:
        builder.add_content(part)
    return builder.build()


class Client:
    """A controller on a port of its own."""

    def __init__(self, surface: OscSurface, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.to = surface.address

    def send(self, address: str, *arguments: object) -> None:
        self.raw(message(address, *arguments).dgram)

    def raw(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.to)

    def hear(self, seconds: float = 0.3, expected: object = None) -> dict[str, float]:
        """All that comes within so long; counted from when all that is `expected` has come."""
        heard: dict[str, float] = {}
        end = time.monotonic() + (seconds if expected is None else 30.0)
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                packet = self.socket.recv(65536)
            except TimeoutError:
                break
            assert len(packet) < 1472  # one packet on any network
            heard |= dict(read(packet))
            if heard == expected:
                expected, end = None, time.monotonic() + seconds
        return heard

    def close(self) -> None:
        self.socket.close()
