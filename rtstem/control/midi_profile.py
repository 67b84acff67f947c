"""Profiles: which control of a controller moves which action. YAML in, checked objects out.

The form of a file is in docs/midi.md. Errors are one line each, `FILE:LINE: key: what is wrong`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from .. import config_checks as check
from ..errors import ConfigError
from ..resources import did_you_mean, listing
from ..yaml_file import KeyPath, Lines, read_yaml
from .midi_events import ANY_CHANNEL, NUMBER_TOPS, TOPS, Address
from .midi_map import CURVES, RELATIVE, Scale

SOURCES = ("cc", "cc14", "nrpn", "rpn", "note", "pitch", "program")
MODES = ("absolute", "relative", "toggle", "momentary", "trigger")
MAX_BEATS = 64.0


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: object) -> object:
        return check.known_keys(value, tuple(cls.model_fields))


def _channel(value: object) -> object:
    return ANY_CHANNEL if value == "any" else check.integer(1, 16, "any")(value)


_Channel = Annotated[int | None, BeforeValidator(_channel)]
_Seven = Annotated[int | None, BeforeValidator(check.integer(0, 127))]
_Coarse = Annotated[int | None, BeforeValidator(check.integer(0, NUMBER_TOPS["cc14"]))]
_Parameter = Annotated[int | None, BeforeValidator(check.integer(0, NUMBER_TOPS["nrpn"]))]
_Name = Annotated[str | None, BeforeValidator(check.text("a name on one line"))]


class _Addressed(_Part):
    """Something on the controller: one of the kinds of address, with its number."""

    cc: _Seven = None
    cc14: _Coarse = None
    nrpn: _Parameter = None
    rpn: _Parameter = None
    note: _Seven = None
    program: _Seven = None
    pitch: Annotated[int | None, BeforeValidator(check.integer(1, 16))] = None
    """Channel of the pitch bend, which has no number."""
    channel: _Channel = None

    @model_validator(mode="after")
    def _one_source(self) -> _Addressed:
        given = [kind for kind in SOURCES if getattr(self, kind) is not None]
        if len(given) != 1:
            what = f"has {' and '.join(given)}" if given else "has no source"
            raise check.problem(f"{what}; give one of {listing(SOURCES)}")
        return self

    def address(self, profile_channel: int) -> Address:
        """What it sends or is lit by; `profile_channel` where it names no channel itself."""
        if self.pitch is not None:
            return Address("pitch", self.pitch)
        kind = next(kind for kind in SOURCES if getattr(self, kind) is not None)
        channel = profile_channel if self.channel is None else self.channel
        return Address(kind, channel, getattr(self, kind))


_Output = Annotated[int | None, BeforeValidator(check.integer(0, 16383))]


class Feedback(_Addressed):
    """What is sent to the controller: from `low` (value 0) to `high` (value 1), evenly."""

    low: _Output = 0
    high: _Output = None

    def output(self, address: Address, value: float) -> int:
        """The number to send for a value of 0 to 1."""
        low = self.low or 0
        high = TOPS[address.kind] if self.high is None else self.high
        return round(low + (high - low) * value)


def _range(value: object) -> tuple[float, float]:
    if isinstance(value, list | tuple) and len(value) == 2:
        low, high = (check.number(0, 1)(v) for v in value)
        if low != high:
            return low, high
    raise check.problem(
        f"must be a list of two different numbers from 0 to 1, not {check.shown(value)}"
    )


class Control(_Addressed):
    """One control and what it does: an action, or a shift to a layer while it is held."""

    action: _Name = None
    shift: _Name = None
    layer: _Name = None
    mode: Annotated[str | None, BeforeValidator(check.choice(*MODES))] = None
    encoding: Annotated[str | None, BeforeValidator(check.choice(*RELATIVE))] = None
    step: Annotated[float, BeforeValidator(check.number(0.0001, 1))] = 1 / 100
    curve: Annotated[str, BeforeValidator(check.choice(*CURVES))] = "linear"
    range: Annotated[tuple[float, float], BeforeValidator(_range)] = (0.0, 1.0)
    invert: Annotated[bool, BeforeValidator(check.switch)] = False
    pickup: Annotated[bool | None, BeforeValidator(check.switch)] = None
    feedback: Annotated[
        Feedback | None,
        BeforeValidator(check.mapping("such as {note: 1, high: 127}, or same")),
    ] = None
    touch: _Seven = None
    """Note that says a hand is on the fader."""
    beats: Annotated[float | None, BeforeValidator(check.number(0.25, MAX_BEATS))] = None
    """Length of a snapshot's fade in beats of the MIDI clock."""

    @model_validator(mode="before")
    @classmethod
    def _feedback_to_itself(cls, value: object) -> object:
        """`feedback: same` stands for the control's own address; left out there is none."""
        if not isinstance(value, Mapping):
            return value
        given = {key: v for key, v in value.items() if key != "feedback" or v is not None}
        if given.get("feedback") == "same":
            own = {k: v for k, v in given.items() if k in (*SOURCES, "channel")}
            return given | {"feedback": own}
        return given

    @model_validator(mode="after")
    def _fits_together(self) -> Control:
        if (self.action is None) == (self.shift is None):
            raise check.problem("needs an action or a shift, one of them")
        if self.shift is not None and self.mode not in (None, "momentary", "toggle"):
            raise check.problem("must be momentary or toggle for a shift", at=("mode",))
        if (self.mode == "relative") != (self.encoding is not None):
            raise check.problem(
                f"mode relative and an encoding go together; encodings: {listing(RELATIVE)}",
                at=("mode",),
            )
        if self.mode == "relative" and self.cc is None:
            raise check.problem("relative is for cc only", at=("mode",))
        if self.beats is not None and not (self.action or "").endswith(".recall"):
            raise check.problem("is for snapshot.N.recall only", at=("beats",))
        return self

    @property
    def scale(self) -> Scale:
        """Curve and range as one object."""
        return Scale(self.curve, *self.range, self.invert)


def _bytes(value: object) -> tuple[tuple[int, ...], ...]:
    if isinstance(value, list | tuple) and all(isinstance(m, list | tuple) and m for m in value):
        one = check.integer(0, 255)
        return tuple(tuple(int(one(b)) for b in message) for message in value)
    raise check.problem(f"must be a list of messages such as [[0xB0, 127, 0]], not {value!r:.60}")


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        one = check.text("a part of a port's name")
        return tuple(one(v) for v in value)
    raise check.problem(f"must be a list of parts of port names, not {check.shown(value)}")


class Profile(_Part):
    """A controller: the ports it shows up as, and its controls by their names on the panel."""

    name: Annotated[str, BeforeValidator(check.text("the name of the controller"))]
    ports: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    channel: Annotated[int, BeforeValidator(_channel)] = ANY_CHANNEL
    on_connect: Annotated[tuple[tuple[int, ...], ...], BeforeValidator(_bytes)] = ()
    controls: Annotated[
        Mapping[Annotated[str, BeforeValidator(check.text("a name on one line"))], Control],
        BeforeValidator(check.mapping("such as {fader 1: {cc: 0, action: stem.vocals.gain}}")),
    ] = {}

    @model_validator(mode="after")
    def _layers_have_buttons(self) -> Profile:
        layers = {c.shift for c in self.controls.values() if c.shift}
        for label, control in self.controls.items():
            if control.layer is not None and control.layer not in layers:
                raise check.problem(
                    f"no control shifts to it{did_you_mean(control.layer, layers)}; "
                    f"layers: {listing(sorted(layers))}",
                    at=("controls", label, "layer"),
                )
        return self

    def matches(self, port: str) -> bool:
        """Whether a port of this name belongs to this controller."""
        return any(part.lower() in port.lower() for part in self.ports)


def read_profile(path: Path) -> Profile:
    """Profile of a YAML file; raises ConfigError."""
    value, lines = read_yaml(path)
    return _validated({} if value is None else value, str(path), lines)


def make_profile(mapping: Mapping[str, Any], source: str = "<python>") -> Profile:
    """Profile from a mapping of the same form; raises ConfigError."""
    return _validated(mapping, source, {})


def check_actions(profile: Profile, actions: Collection[str], source: str) -> None:
    """Raise ConfigError when a control names an action that the desk does not have."""
    for label, control in profile.controls.items():
        if control.action is not None and control.action not in actions:
            hint = did_you_mean(control.action, actions)
            raise ConfigError(
                f"{source}: controls.{label}.action: no action '{control.action}'{hint}; "
                "`rtstem midi list --actions` shows them"
            )


def _validated(value: object, source: str, lines: Lines) -> Profile:
    try:
        return Profile.model_validate(value)
    except ValidationError as error:
        found: list[tuple[KeyPath, str]] = []
        for detail in error.errors(include_url=False):
            loc = tuple(part for part in detail["loc"] if part != "[key]")
            missing = detail["type"] == "missing"
            at = detail.get("ctx", {}).get("at", ())
            found.append(((*loc, *at), "missing; add it" if missing else detail["msg"]))
        path, text = min(found, key=lambda item: _line(item[0], lines))
        line = _line(path, lines)
        place = f"{source}:{line}" if line else source
        key = ".".join(map(str, path))
        raise ConfigError(f"{place}: {key}: {text}" if key else f"{place}: {text}") from None


def _line(path: KeyPath, lines: Lines) -> int:
    """Line of the nearest key there is, 0 where there is none."""
    upwards = (path[:length] for length in range(len(path), 0, -1))
    return next((lines[p] for p in upwards if p in lines), 0)
