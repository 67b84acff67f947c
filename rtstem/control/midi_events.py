"""MIDI messages to events and back: tables and a small state for values that come in two parts.

Pure: no ports, no clock. Whatever bytes come in, nothing is raised; what is not a whole, valid
message of a known kind gives no event (system exclusive included). Numbers follow the MIDI 1.0
Detailed Specification; channels count from 1, as controllers print them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

TOP_7BIT = 127
TOP_14BIT = 16383
ANY_CHANNEL = 0
"""Channel of an address that stands for all sixteen."""

_DATA_MSB, _DATA_LSB, _STEP_UP, _STEP_DOWN = 6, 38, 96, 97
# Control changes that choose a parameter: which kind, and whether the number is its upper half.
_SELECT = {98: ("nrpn", False), 99: ("nrpn", True), 100: ("rpn", False), 101: ("rpn", True)}
_PARAMETER_NUMBERS = frozenset({_DATA_MSB, _DATA_LSB, _STEP_UP, _STEP_DOWN, *_SELECT})
_NO_PARAMETER = TOP_14BIT
_REAL_TIME = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop"}


class Address(NamedTuple):
    """What a message is about: kind (a key of TOPS or a real-time name), channel, number."""

    kind: str
    channel: int
    number: int = 0


class Event(NamedTuple):
    """One new value of an address, from 0 to `top`."""

    address: Address
    value: int
    top: int

    @property
    def position(self) -> float:
        """The value as 0 to 1."""
        return self.value / self.top


TOPS = {
    "cc": TOP_7BIT,
    "cc14": TOP_14BIT,
    "nrpn": TOP_14BIT,
    "rpn": TOP_14BIT,
    "note": TOP_7BIT,
    "pitch": TOP_14BIT,
    "program": 1,
    "pressure": TOP_7BIT,
}
"""The highest value of each kind of address on a channel."""

NUMBER_TOPS = {"cc": 127, "cc14": 31, "nrpn": 16382, "rpn": 16382, "note": 127, "program": 127}
"""The highest number of an address, for the kinds that have numbers."""


class Decoder:
    """Events of one port; remembers the first halves of 14-bit values.

    pairs: (channel, number below 32) of control changes whose lower half comes as number + 32.
    parameters: channels on which control changes 6, 38 and 96 to 101 are NRPN and RPN messages.
    Elsewhere these are plain control changes: cheap controllers use the numbers for knobs.
    """

    def __init__(
        self, pairs: Collection[tuple[int, int]] = (), parameters: Collection[int] = ()
    ) -> None:
        self._pairs = frozenset(pairs)
        self._parameters = frozenset(parameters)
        self._held: dict[Address, int] = {}  # upper halves that wait for their lower ones
        self._upper: dict[Address, int] = {}
        self._selected: dict[int, tuple[str, int]] = {}
        self._values: dict[Address, int] = {}  # of parameters, for the step messages

    def feed(self, message: Sequence[int]) -> tuple[Event, ...]:
        """Events of one whole message (running status is the port's business)."""
        if not message:
            return ()
        status = message[0]
        if status in _REAL_TIME:
            return (Event(Address(_REAL_TIME[status], ANY_CHANNEL), 1, 1),)
        length, decode = _CHANNEL_MESSAGES.get(status & 0xF0, (0, None))
        data = message[1 : 1 + length]
        if decode is None or status > 0xEF or len(data) < length or any(b > 127 for b in data):
            return ()
        return decode(self, (status & 0x0F) + 1, *data)

    def flush(self) -> tuple[Event, ...]:
        """Events of upper halves whose lower half did not come: call when the port is quiet."""
        return tuple(self._release(address) for address in list(self._held))

    def _release(self, address: Address) -> Event:
        upper = self._held.pop(address)
        return self._wide(address, upper, upper)  # 127 gives the full 16383

    def _wide(self, address: Address, upper: int, lower: int) -> Event:
        self._upper[address] = upper
        value = upper << 7 | lower
        if address.kind != "cc14":
            self._values[address] = value
        return Event(address, value, TOP_14BIT)

    def _hold(self, address: Address, upper: int) -> tuple[Event, ...]:
        before = (self._release(address),) if address in self._held else ()
        self._held[address] = upper
        return before

    def _complete(self, address: Address, lower: int) -> tuple[Event, ...]:
        upper = self._held.pop(address, self._upper.get(address, 0))
        return (self._wide(address, upper, lower),)

    def _control(self, channel: int, number: int, value: int) -> tuple[Event, ...]:
        if (channel, number) in self._pairs:
            return self._hold(Address("cc14", channel, number), value)
        if (channel, number - 32) in self._pairs:
            return self._complete(Address("cc14", channel, number - 32), value)
        if channel in self._parameters and number in _PARAMETER_NUMBERS:
            events = self._parameter(channel, number, value)
            if events is not None:
                return events
        return (Event(Address("cc", channel, number), value, TOP_7BIT),)

    def _parameter(self, channel: int, number: int, value: int) -> tuple[Event, ...] | None:
        """Events of a parameter message; None when no parameter is selected."""
        if number in _SELECT:
            kind, upper = _SELECT[number]
            _, parameter = self._selected.get(channel, (kind, _NO_PARAMETER))
            parameter = value << 7 | parameter & 127 if upper else parameter & ~127 | value
            self._selected[channel] = (kind, parameter)
            return ()
        kind, parameter = self._selected.get(channel, ("", _NO_PARAMETER))
        if parameter == _NO_PARAMETER:
            return None
        address = Address(kind, channel, parameter)
        if number == _DATA_MSB:
            return self._hold(address, value)
        if number == _DATA_LSB:
            return self._complete(address, value)
        step = 1 if number == _STEP_UP else -1
        stepped = min(max(self._values.get(address, 0) + step, 0), TOP_14BIT)
        return (self._wide(address, stepped >> 7, stepped & 127),)

    def _note_on(self, channel: int, note: int, velocity: int) -> tuple[Event, ...]:
        return (Event(Address("note", channel, note), velocity, TOP_7BIT),)

    def _note_off(self, channel: int, note: int, _velocity: int) -> tuple[Event, ...]:
        return (Event(Address("note", channel, note), 0, TOP_7BIT),)

    def _program(self, channel: int, number: int) -> tuple[Event, ...]:
        return (Event(Address("program", channel, number), 1, 1),)

    def _pressure(self, channel: int, value: int) -> tuple[Event, ...]:
        return (Event(Address("pressure", channel), value, TOP_7BIT),)

    def _pitch(self, channel: int, lower: int, upper: int) -> tuple[Event, ...]:
        return (Event(Address("pitch", channel), upper << 7 | lower, TOP_14BIT),)


# Status without channel: number of data bytes, what makes events of them.
_CHANNEL_MESSAGES: dict[int, tuple[int, Callable[..., tuple[Event, ...]]]] = {
    0x80: (2, Decoder._note_off),
    0x90: (2, Decoder._note_on),
    0xB0: (2, Decoder._control),
    0xC0: (1, Decoder._program),
    0xD0: (1, Decoder._pressure),
    0xE0: (2, Decoder._pitch),
}


def encode(address: Address, value: int) -> list[list[int]]:
    """Messages that set `address` to `value`, clipped to 0 to its top: what a controller is sent.

    An address on any channel goes to channel 1.
    """
    value = min(max(value, 0), TOPS[address.kind])
    channel = max(address.channel, 1) - 1
    upper, lower, number = value >> 7, value & 127, address.number
    control = 0xB0 | channel
    if address.kind in ("nrpn", "rpn"):
        first, second = (99, 98) if address.kind == "nrpn" else (101, 100)
        select = [[control, first, number >> 7], [control, second, number & 127]]
        return [*select, [control, _DATA_MSB, upper], [control, _DATA_LSB, lower]]
    if address.kind == "cc14":
        return [[control, number, upper], [control, number + 32, lower]]
    if address.kind == "pitch":
        return [[0xE0 | channel, lower, upper]]
    if address.kind == "program":
        return [[0xC0 | channel, number]]
    if address.kind == "pressure":
        return [[0xD0 | channel, value]]
    return [[(0x90 if address.kind == "note" else 0xB0) | channel, number, value]]


def describe(address: Address) -> str:
    """The address as a person says it: `CC 7 channel 1`."""
    names = {"cc": "CC", "cc14": "14-bit CC", "nrpn": "NRPN", "rpn": "RPN", "pitch": "pitch bend"}
    name = names.get(address.kind, address.kind)
    number = f" {address.number}" if address.kind in NUMBER_TOPS else ""
    channel = f" channel {address.channel}" if address.channel != ANY_CHANNEL else ""
    return f"{name}{number}{channel}"
