"""OSC datagrams over UDP to the real server, each followed by a question that it must answer."""

from __future__ import annotations

import random
import socket
import struct
import threading
from pathlib import Path

from rtstem.control import osc
from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.osc_packet import write
from rtstem.errors import ConfigError

from ..mutate import damaged, generator
from ..verdict import FailedError

_STEMS = ("vocals", "drums", "bass", "other")
_ANSWER_SECONDS = 10.0
_PAUSES = ("BATCH_SECONDS", "_FEEDBACK_SECONDS", "_NOTICE_SECONDS")
_MOST_BYTES = 60_000
_QUESTION = b"/rtstem/sync\0\0\0\0,\0\0\0"
_NUMBERS = (0.0, 0.5, 1.0, -1.0, 2.0, float("nan"), float("inf"), 1e-45, 3e38)
_WORDS = [
    *(b"#bundle\0", b"\0\0\0\0\0\0\0\1", b"/rtstem/", b"/rtstem/sync\0\0\0\0", b",f\0\0", b",i\0\0"),
    *(b",d\0\0", b",h\0\0", b",T\0\0", b",s\0\0", b",b\0\0", b",[[]", b",\0\0\0", b"\xff\xff\xff\xfc"),
    *(b"\x7f\xc0\0\0", b"/*", b"/rtstem/stem/{vocals,drums}/gain\0", b"\x80\x81", b"\0"),
]  # fmt: skip


class Door:
    """OSC datagrams."""

    cases = 100_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._pauses = {name: getattr(osc, name) for name in _PAUSES}
        vars(osc).update(dict.fromkeys(_PAUSES, 0.0))
        self._seed = seed
        self._table = ActionTable(Desk(_STEMS, {"quiet": {}}, lambda state: None))
        self._notices: list[str] = []
        self._errors: list[threading.ExceptHookArgs] = []
        self._hook, threading.excepthook = threading.excepthook, self._errors.append
        self._surface = osc.OscSurface(self._table, port=0, on_notice=self._notices.append)
        self._surface.start()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(self._surface.address)
        self._socket.settimeout(_ANSWER_SECONDS)
        self._addresses = [osc.address_of(name) for name in self._table.names]

    def make(self, number: int) -> bytes:
        """One datagram."""
        dice = generator(self._seed, "osc", number)
        kind = dice.random()
        if kind < 0.02:
            packet = dice.randbytes(dice.randrange(300))
        elif kind < 0.05:
            packet = self._nested(dice)
        else:
            packet = self._good(dice)
            if kind < 0.8:
                packet = damaged(dice, packet, _WORDS)
        return packet[:_MOST_BYTES]

    def _good(self, dice: random.Random) -> bytes:
        addresses = dice.choices([*self._addresses, osc.SYNC], k=dice.choice([1, 1, 2, 40]))
        packets = write((address, dice.choice(_NUMBERS)) for address in addresses)
        return packets[0]

    def _nested(self, dice: random.Random) -> bytes:
        packet = self._good(dice)
        for _ in range(dice.choice([3, 8, 9, 2000])):
            packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
        return packet

    def feed(self, data: bytes) -> None:
        """Send it, ask for everything, wait for the answer."""
        self._socket.send(data)
        self._socket.send(_QUESTION)
        try:
            while not self._socket.recv(1 << 16).startswith(b"#bundle"):
                pass
        except TimeoutError:
            raise self._silence() from None
        if self._errors:
            raise self._silence()
        notice, self._notices[:] = self._notices[:1], []
        if notice:
            raise ConfigError(notice[0])

    def _silence(self) -> BaseException:
        if self._errors:
            error = self._errors.pop().exc_value
            if error is not None:
                return error
        return FailedError("the server does not answer")

    def close(self) -> None:
        """The server, and our side."""
        self._surface.stop()
        self._socket.close()
        threading.excepthook = self._hook
        vars(osc).update(self._pauses)
