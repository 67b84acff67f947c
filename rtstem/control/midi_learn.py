"""Learning: from the messages of a moved control to the line of a profile. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from .midi_events import Address, Decoder
from .midi_profile import SOURCES, Control, Profile

SETTLE_SECONDS = {"continuous": 0.6, "toggle": 0.15, "trigger": 0.15}
"""How long a control is watched after its first message, by the kind of the action."""
# A fader with touch sends a note first and a button may send a CC as well: the order says which
# of several things that moved was meant.
_CONTINUOUS_FIRST = ("pitch", "nrpn", "rpn", "cc14", "cc", "note", "program")
_BUTTONS_FIRST = ("note", "program", "cc", "nrpn", "rpn", "cc14", "pitch")
_ALL_CHANNELS = range(1, 17)
_ENCODINGS = (
    ("twos_complement", range(1, 16), range(113, 128)),
    ("sign_magnitude", range(1, 16), range(65, 80)),
    ("binary_offset", range(65, 80), range(49, 64)),
)


class Recogniser:
    """Watches one port until a control has been moved, then says which and how it speaks."""

    def __init__(self, kind: str) -> None:
        """`kind` of the action that is to be moved: continuous, toggle or trigger."""
        self._kind = kind
        self._plain = Decoder()
        self._wide = Decoder(parameters=_ALL_CHANNELS)
        self._seen: dict[Address, list[int]] = {}
        self._began: float | None = None

    def feed(self, message: Sequence[int], now: float) -> None:
        """One message at time `now` in seconds."""
        events = [*self._plain.feed(message)]
        events += [e for e in self._wide.feed(message) if e.address.kind in ("nrpn", "rpn")]
        for event in events:
            released = event.address.kind == "note" and event.value == 0
            if event.address.kind in SOURCES and not released:
                self._began = now if self._began is None else self._began
                self._seen.setdefault(event.address, []).append(event.value)

    def result(self, now: float) -> dict[str, Any] | None:
        """The control's keys in a profile, without its action; None while there is no answer."""
        if self._began is None or now - self._began < SETTLE_SECONDS[self._kind]:
            return None
        for event in self._wide.flush():
            if event.address.kind in ("nrpn", "rpn"):
                self._seen.setdefault(event.address, []).append(event.value)
        address = self._chosen()
        return _source(address) | self._mode(address) | self._feedback(address)

    def _chosen(self) -> Address:
        seen = self._seen | {pair: self._seen[pair._replace(kind="cc")] for pair in self._pairs()}
        order = _CONTINUOUS_FIRST if self._kind == "continuous" else _BUTTONS_FIRST
        return min(seen, key=lambda a: (order.index(a.kind), -len(seen[a])))

    def _pairs(self) -> list[Address]:
        """Control changes whose partner 32 above has moved as often: 14-bit values."""
        pairs = []
        for address, values in self._seen.items():
            partner = self._seen.get(address._replace(number=address.number + 32), [])
            together = len(values) >= 2 and abs(len(partner) - len(values)) <= 1
            if address.kind == "cc" and address.number < 32 and together:
                pairs.append(address._replace(kind="cc14"))
        return pairs

    def _mode(self, address: Address) -> dict[str, Any]:
        values = self._seen.get(address, [])
        if self._kind != "continuous" or address.kind != "cc":
            return {}
        encoding = relative_encoding(values)
        if encoding is not None:
            return {"mode": "relative", "encoding": encoding}
        return {"mode": "toggle"} if set(values) <= {0, 127} else {}

    def _feedback(self, address: Address) -> dict[str, Any]:
        """Lamps of buttons and motors of faders mostly listen to what they themselves send."""
        lamp = self._kind != "continuous" and address.kind in ("note", "cc")
        return {"feedback": "same"} if lamp or address.kind == "pitch" else {}


def relative_encoding(values: Sequence[int]) -> str | None:
    """The encoding of an endless encoder, None for values of a fader.

    An encoder says the same step again and again; no fader sends its position twice.
    """
    if not any(a == b for a, b in pairwise(values)):
        return None
    for encoding, up, down in _ENCODINGS:
        if all(v in up or v in down for v in values):
            return encoding
    return None


def _source(address: Address) -> dict[str, Any]:
    if address.kind == "pitch":
        return {"pitch": address.channel}
    return {address.kind: address.number, "channel": address.channel}


def with_control(profile: Profile, action: str, keys: dict[str, Any]) -> Profile:
    """The profile with a control for `action`, in place of what its source did before."""
    new = Control.model_validate(keys | {"action": action})
    address = new.address(profile.channel)
    kept = {
        label: control
        for label, control in profile.controls.items()
        if label != action
        and (control.layer is not None or not _same(control.address(profile.channel), address))
    }
    return profile.model_copy(update={"controls": {**kept, action: new}})


def _same(one: Address, other: Address) -> bool:
    channels = {one.channel, other.channel}
    return one[::2] == other[::2] and (len(channels) == 1 or 0 in channels)


class Learned(NamedTuple):
    """A control found by learning: its port, what it moves, its keys, the port's new profile."""

    port: str
    action: str
    keys: dict[str, Any]
    profile: Profile


@dataclass
class Lesson:
    """A wish to learn a control for `action`, and one recogniser for each port."""

    action: str
    kind: str
    callback: Callable[[Learned], None]
    watching: dict[str, Recogniser] = field(default_factory=dict)
