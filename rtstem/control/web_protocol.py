"""Messages of the web mixer: JSON objects with a `type`, checked, made and counted. Pure.

From the page: apply, learn, sync, watch. To the page: hello, state, meters,
status, learned, error, and spectra as bytes.
docs/web.md describes them all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .actions import ActionTable

VERSION = 1
MAX_BYTES = 4096
RATE = 400.0
"""Messages a second that one client may send for long."""
BURST = 400.0
_ERROR_CHARACTERS = 300
_encoder = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


@dataclass(frozen=True)
class Apply:
    """Do an action."""

    action: str
    value: float


@dataclass(frozen=True)
class Learn:
    """Give the next MIDI control moved to `action`; None: no longer wait for one."""

    action: str | None


@dataclass(frozen=True)
class Sync:
    """Send everything once more."""


@dataclass(frozen=True)
class Watch:
    """Send the stems' spectra too, or no longer."""

    spectrum: bool


Request = Apply | Learn | Sync | Watch


def parse(text: str | bytes) -> Request:
    """The request in one message. Raises ConfigError that says what is wrong with it."""
    if isinstance(text, bytes):
        raise ConfigError("binary message; send JSON text")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError("not JSON; send an object such as {'type': 'sync'}") from None
    if not isinstance(message, dict):
        raise ConfigError("not a JSON object; send one such as {'type': 'sync'}")
    kind = message.get("type")
    if kind == "apply":
        _only(message, {"type", "action", "value"})
        return Apply(_name(message.get("action")), _value(message.get("value")))
    if kind == "learn":
        _only(message, {"type", "action"})
        action = message.get("action")
        return Learn(None if action is None else _name(action))
    if kind == "sync":
        _only(message, {"type"})
        return Sync()
    if kind == "watch":
        _only(message, {"type", "spectrum"})
        return Watch(_switch(message.get("spectrum"), "spectrum"))
    raise ConfigError(f"type {_short(kind)} is unknown; allowed: apply, learn, sync, watch")


def _only(message: Mapping[str, Any], keys: set[str]) -> None:
    unknown = sorted(set(message) - keys)
    if unknown:
        raise ConfigError(
            f"key {_short(unknown[0])} is unknown; allowed: {', '.join(sorted(keys))}"
        )


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"action must be a name, not {_short(value)}")
    return value


def _switch(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} must be true or false, not {_short(value)}")
    return value


def _value(value: object) -> float:
    """A number; whether it is in range the action table says."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"value must be a number from 0 to 1, not {_short(value)}")
    return float(value)


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**18 else "a huge number"
    return text if len(text) <= 40 else text[:37] + "..."


def encode(kind: str, **fields: Any) -> str:
    """One message as compact JSON."""
    return _encoder.encode({"type": kind, **fields})


def error(problem: Exception | str) -> str:
    """A refusal in one line; never longer than a line of the page holds."""
    line = " ".join(str(problem).split())
    if len(line) > _ERROR_CHARACTERS:
        line = line[: _ERROR_CHARACTERS - 3] + "..."
    return encode("error", message=line)


def hello(actions: ActionTable, facts: Mapping[str, Any], learn: bool) -> str:
    """The first message, and the answer to sync: all that a page needs to draw itself."""
    table = [
        {"name": a.name, "kind": a.kind, "label": a.label, "default": a.default}
        for a in map(actions.__getitem__, actions.names)
    ]
    values = rounded(actions.values())
    return encode("hello", version=VERSION, actions=table, values=values, facts=facts, learn=learn)


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Values short enough to send: a ten-thousandth is below any pixel."""
    return {name: round(value, 4) for name, value in values.items()}


class Allowance:
    """What one client may send: `RATE` messages a second for long, `BURST` at once."""

    def __init__(self) -> None:
        self._left, self._then = BURST, 0.0

    def wait(self, now: float) -> float:
        """Seconds to wait before the message that came at `now` may be looked at."""
        self._left = min(BURST, self._left + (now - self._then) * RATE)
        self._then = now
        self._left -= 1
        return max(0.0, -self._left / RATE)
