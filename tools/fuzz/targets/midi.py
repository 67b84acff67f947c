"""MIDI messages as ports give them, and worse, to controllers with every profile and to learning.

A case is one byte that chooses the profile, then messages: a length byte (254: 100 000 bytes of the
first one, a long system exclusive) and the bytes.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.midi_device import Device
from rtstem.control.midi_learn import Recogniser, with_control
from rtstem.control.midi_profile import Profile, read_profile
from rtstem.control.midi_profile_files import profile_text

from ..mutate import damaged, generator
from ..verdict import FailedError
from ..yaml_cases import ROOT

_STEMS = ("vocals", "drums", "bass", "other")
_EMPTY = Profile(name="learned")
_LONG = 254
_KINDS = ("continuous", "toggle", "trigger")
_STATUS = (*range(0x80, 0xF0, 8), 0xB0, 0xB0, 0xB0, 0x90, 0xE0, *range(0xF0, 0x100))
_NUMBERS = (0, 1, 6, 7, 32, 38, 64, 96, 97, 98, 99, 100, 101, 127, 128, 255)


class Door:
    """MIDI messages."""

    cases = 100_000
    room = 512

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._desk = Desk(_STEMS, {}, lambda state: None)
        self._table = ActionTable(self._desk)
        profiles = [read_profile(path) for path in sorted(ROOT.glob("configs/midi/*.yaml"))]
        self._devices = [
            Device(profile, self._table, lambda beats: contextlib.nullcontext())
            for profile in profiles
        ]
        self._now = 0.0

    def make(self, number: int) -> bytes:
        """Up to eight messages."""
        dice = generator(self._seed, "midi", number)
        case = bytearray([dice.randrange(256)])
        for _ in range(dice.randint(1, 8)):
            message = bytearray([dice.choice(_STATUS)])
            for _ in range(dice.choice([0, 1, 2, 2, 2, 2, 3, 40])):
                anything = dice.random() < 0.3
                message.append(dice.randrange(128) if anything else dice.choice(_NUMBERS))
            if dice.random() < 0.1:
                message[:] = dice.randbytes(dice.randrange(60))
            case += bytes([_LONG if dice.random() < 0.0005 else len(message)]) + message
        return damaged(dice, bytes(case)) if dice.random() < 0.1 else bytes(case)

    def feed(self, data: bytes) -> None:
        """To one controller, and to three lessons that go on for as long as the case."""
        device = self._devices[data[0] % len(self._devices)] if data else self._devices[0]
        lessons = {kind: Recogniser(kind) for kind in _KINDS}
        for message in _messages(data[1:]):
            self._now += 0.001
            device.receive(message, 0.001, self._now)
            for lesson in lessons.values():
                lesson.feed(message, self._now)
        self._now += 1.0
        device.quiet(self._now)
        self._learn(lessons)
        for message in device.outgoing(self._now):
            if any(not 0 <= byte <= 255 for byte in message):
                raise FailedError("a message with a byte that is none")
        if any(not 0 <= value <= 1 for value in self._table.values().values()):
            raise FailedError("a control outside 0 to 1")

    def _learn(self, lessons: dict[str, Recogniser]) -> None:
        for lesson in lessons.values():
            keys = lesson.result(self._now)
            if keys is not None:
                profile_text(with_control(_EMPTY, "stem.vocals.gain", keys))

    def close(self) -> None:
        """Let go of what is held."""
        for device in self._devices:
            device.gone()


def _messages(data: bytes) -> list[list[int]]:
    messages, place = [], 0
    while place < len(data):
        length = data[place]
        message = data[place + 1 : place + 1 + length]
        if length == _LONG:
            message = data[place + 1 : place + 2] * 100_000
        messages.append(list(message))
        place += 1 + length
    return messages
