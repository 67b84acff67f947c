"""OSC packets in and out: a walk over bundles that no packet can lead astray. Pure.

Built on python-osc's readers of single fields; its packet class follows a bundle element of size
-4 forever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.parsing import osc_types

from ..errors import ConfigError

_BUNDLE = b"#bundle\0"
_BUNDLE_HEAD = 16  # the word and a time tag
_DEPTH = 8
_BUNDLE_MESSAGES = 24  # about 1200 bytes: one packet on any network


class Message(NamedTuple):
    """An address and its first argument; None where there is none or it is no number."""

    address: str
    value: float | None


def read(packet: bytes, depth: int = 0) -> Iterator[Message]:
    """The messages of a packet, those in nested bundles too, in order; time tags are not waited for.

    Raises ConfigError at the first damage; what came before it has been given.
    """
    if not packet.startswith(_BUNDLE):
        yield _message(packet)
        return
    if depth == _DEPTH:
        raise ConfigError(f"more than {_DEPTH} bundles inside each other")
    position = _BUNDLE_HEAD
    while position < len(packet):
        size = int.from_bytes(packet[position : position + 4], "big", signed=True)
        start, position = position + 4, position + 4 + size
        if size <= 0 or size % 4 or position > len(packet):
            raise ConfigError("a bundle with an element of wrong size")
        yield from read(packet[start:position], depth + 1)


def _message(packet: bytes) -> Message:
    if not packet.startswith(b"/"):
        raise ConfigError("neither a message nor a bundle")
    try:
        address, index = osc_types.get_string(packet, 0)
        tags, index = osc_types.get_string(packet, index) if index < len(packet) else (",", index)
        return Message(address, _argument(tags[1:2], packet, index))
    except (osc_types.ParseError, ValueError, IndexError):
        raise ConfigError("a damaged message") from None


def _argument(tag: str, packet: bytes, index: int) -> float | None:
    """First argument: float, double, integer, long, true or false."""
    if tag in ("T", "F"):
        return float(tag == "T")
    readers = {
        "f": osc_types.get_float,
        "d": osc_types.get_double,
        "i": osc_types.get_int,
        "h": osc_types.get_int64,
    }
    return float(readers[tag](packet, index)[0]) if tag in readers else None


def write(values: Iterable[tuple[str, float]]) -> list[bytes]:
    """Packets that set each address to its value: one message, or bundles of several."""
    messages = []
    for address, value in values:
        builder = OscMessageBuilder(address)
        builder.add_arg(float(value), OscMessageBuilder.ARG_TYPE_FLOAT)
        messages.append(builder.build())
    if len(messages) == 1:
        return [messages[0].dgram]
    packets = []
    for first in range(0, len(messages), _BUNDLE_MESSAGES):
        bundle = OscBundleBuilder(IMMEDIATELY)
        for message in messages[first : first + _BUNDLE_MESSAGES]:
            bundle.add_content(message)
        packets.append(bundle.build().dgram)
    return packets
