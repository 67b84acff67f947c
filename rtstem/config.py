"""The configuration: YAML or a Python mapping in, frozen checked objects or one-line errors out.

`load_config` and `make_config` are the ways in; `Config()` holds the defaults. The sentences that
users read are made in config_checks.py; this module says what keys there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    PrivateAttr,
    Tag,
    ValidationError,
    model_validator,
)

from . import config_checks as check
from .errors import ConfigError
from .resources import did_you_mean, find_config, listing
from .yaml_file import KeyPath, Lines, read_yaml

MAX_GAIN = 4.0
"""Highest gain of a bus matrix: +12 dB."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: object) -> object:
        return check.known_keys(value, tuple(cls.model_fields))


class Audio(_Section):
    """Devices, their channels (counted from 1), rate in Hz and frames per callback."""

    input: Annotated[
        str | int, BeforeValidator(check.device("input", "virtual:silence", file=True))
    ] = "default"
    output: Annotated[str | int, BeforeValidator(check.device("output", "virtual"))] = "default"
    input_channels: Annotated[tuple[int, ...], BeforeValidator(check.channels)] = (1, 2)
    sample_rate: Annotated[
        int | Literal["auto"], BeforeValidator(check.integer(8_000, 192_000, "auto"))
    ] = "auto"
    block: Annotated[int, BeforeValidator(check.integer(16, 8_192, 0))] = 0
    clocks: Annotated[
        Literal["auto", "one", "two"], BeforeValidator(check.choice("auto", "one", "two"))
    ] = "auto"


class Latency(_Section):
    """Waiting time added for late hops, in hops of the model; auto: measured before the start.
    Where input and output are on two clocks, another one for late callbacks, in ms.

    `latency: auto` is short for `safety_hops: auto`.
    """

    safety_hops: Annotated[
        float | Literal["auto"], BeforeValidator(check.number_or("auto", 0, 64))
    ] = 0.5
    clock_margin_ms: Annotated[float, BeforeValidator(check.number(0, 100))] = 3.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        if isinstance(value, str):
            if value != "auto":
                raise check.problem(f"must be auto or {{safety_hops: N}}, not {check.shown(value)}")
            return {"safety_hops": "auto"}
        return value


class Realtime(_Section):
    """What the engine asks of the operating system, and for how many ms it bridges late hops."""

    priority: Annotated[bool, BeforeValidator(check.switch)] = True
    lock_memory: Annotated[bool, BeforeValidator(check.switch)] = True
    conceal_ms: Annotated[float, BeforeValidator(check.number(0, 10_000))] = 500


class Midi(_Section):
    """MIDI controllers: whether to use them, which ports (parts of names), a profile by name."""

    enabled: Annotated[bool, BeforeValidator(check.switch)] = False
    ports: Annotated[Literal["auto"] | tuple[str, ...], BeforeValidator(check.ports)] = "auto"
    profile: Annotated[
        str | None,
        BeforeValidator(check.optional(check.text("a profile's name (`rtstem midi list`)"))),
    ] = None


_Port = Annotated[int, BeforeValidator(check.integer(1, 65_535))]


class Web(_Section):
    """The page with faders and meters; on other addresses than this machine's with a token only."""

    enabled: Annotated[bool, BeforeValidator(check.switch)] = False
    host: Annotated[str, BeforeValidator(check.text("an address to listen on"))] = "127.0.0.1"
    port: _Port = 8765
    token: Annotated[
        str | None, BeforeValidator(check.optional(check.text("a secret of your own")))
    ] = None


class Osc(_Section):
    """Open Sound Control; `allow` are addresses or networks that may send beside this machine."""

    enabled: Annotated[bool, BeforeValidator(check.switch)] = False
    host: Annotated[str, BeforeValidator(check.text("an address to listen on"))] = "127.0.0.1"
    port: _Port = 9000
    allow: Annotated[tuple[str, ...], BeforeValidator(check.texts("addresses or networks"))] = ()


_Name = Annotated[str, BeforeValidator(check.name)]
_Stem = Annotated[str, BeforeValidator(check.text("the name of a stem"))]
_Position = Annotated[float, BeforeValidator(check.number(0, 1))]
_Gain = Annotated[float, BeforeValidator(check.number(0, MAX_GAIN))]
_Faders = Annotated[
    Mapping[_Stem, _Position],
    BeforeValidator(check.mapping("such as {vocals: 0, drums: 1}")),
]
# The tags are in angle brackets so that they cannot be taken for keys in the path of an error.
_Gains = Annotated[
    Annotated[Literal["desk"], BeforeValidator(check.desk_or_gains), Tag("<desk>")]
    | Annotated[Mapping[_Stem, _Gain], Tag("<matrix>")],
    Discriminator(lambda value: "<matrix>" if isinstance(value, Mapping) else "<desk>"),
]


class Bus(_Section):
    """One or two device channels, and the gains of the stems on them.

    gains: "desk" follows the faders; a mapping gives fixed linear gains, stems not named get 0.
    """

    channels: Annotated[tuple[int, ...], BeforeValidator(check.channels)]
    gains: _Gains = "desk"


def _separate_channels(buses: Mapping[str, Bus]) -> Mapping[str, Bus]:
    owner: dict[int, str] = {}
    for name, bus in buses.items():
        for channel in bus.channels:
            if channel in owner:
                raise check.problem(
                    f"channel {channel} is used by bus {owner[channel]} already; "
                    "give each bus its own channels",
                    at=(name, "channels"),
                )
            owner[channel] = name
    if not owner:
        raise check.problem("must have at least one bus, such as main: {channels: [1, 2]}")
    return buses


@dataclass(frozen=True)
class _Origin:
    """Where a configuration was written; no part of its value, so all origins compare equal."""

    source: str = field(default="<python>", compare=False)
    lines: Lines = field(default_factory=dict, compare=False)

    def where(self, path: KeyPath) -> str:
        """`FILE:LINE: dotted.key`, the line of the nearest key there is."""
        line = next((self.lines[p] for p in _upwards(path) if p in self.lines), None)
        place = self.source if line is None else f"{self.source}:{line}"
        key = ".".join(map(str, path))
        return f"{place}: {key if key.isprintable() else ascii(key)}" if path else place


class Config(_Section):
    """The whole configuration of an engine."""

    model: Annotated[
        str, BeforeValidator(check.text("the name of a model or the path of an .onnx file"))
    ] = "live"
    models: Annotated[
        tuple[str, ...], BeforeValidator(check.texts("names of models or paths of .onnx files"))
    ] = ()
    provider: Annotated[
        Literal["auto", "cuda", "cpu"], BeforeValidator(check.choice("auto", "cuda", "cpu"))
    ] = "auto"
    audio: Audio = Audio()
    latency: Latency = Latency()
    realtime: Realtime = Realtime()
    midi: Midi = Midi()
    web: Web = Web()
    osc: Osc = Osc()
    buses: Annotated[
        Mapping[_Name, Bus],
        BeforeValidator(check.mapping("such as {main: {channels: [1, 2], gains: desk}}")),
        AfterValidator(_separate_channels),
    ] = {"main": Bus(channels=(1, 2))}
    faders: _Faders = {}
    presets: Annotated[
        Mapping[_Name, _Faders], BeforeValidator(check.mapping("such as {quiet: {vocals: 0.2}}"))
    ] = {}
    _origin: _Origin = PrivateAttr(default_factory=_Origin)

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: object) -> object:
        """A section whose keys are all commented out (YAML: nothing) has its defaults."""
        if not isinstance(value, Mapping):
            return value
        scalars = ("model", "provider")
        return {k: v for k, v in value.items() if v is not None or k in scalars}

    def where(self, *path: str | int) -> str:
        """`FILE:LINE: dotted.key` of a key, to begin an error message about its value with."""
        return self._origin.where(path)


def load_config(path: str | Path | None) -> Config:
    """Configuration from a YAML file, or a shipped one by its name; None gives the defaults.

    Raises ConfigError: `FILE:LINE: key: what is wrong; what is allowed`.
    """
    if path is None:
        return Config()
    found = find_config(path)
    value, lines = read_yaml(found)
    return _validated({} if value is None else value, _Origin(str(found), lines))


def make_config(mapping: Mapping[str, Any], source: str = "<python>") -> Config:
    """Configuration from a mapping of the same form; `source` begins the ConfigError messages."""
    return _validated(mapping, _Origin(source))


def check_stems(config: Config, stems: Iterable[str]) -> None:
    """Raise ConfigError when the configuration names a stem that the model does not have."""
    stems = tuple(stems)
    named: list[KeyPath] = [("faders", stem) for stem in config.faders]
    named += [("presets", name, s) for name, values in config.presets.items() for s in values]
    for name, bus in config.buses.items():
        if not isinstance(bus.gains, str):
            named += [("buses", name, "gains", stem) for stem in bus.gains]
    for path in named:
        stem = str(path[-1])
        if stem not in stems:
            raise ConfigError(
                f"{config.where(*path)}: the model has no such stem{did_you_mean(stem, stems)}; "
                f"allowed: {listing(stems)}"
            )


def diff(old: Config, new: Config) -> set[str]:
    """Keys whose values differ, two levels deep: {"model", "audio.block", "faders.vocals"}.

    The engine takes some changes while it runs and needs a new stream for others.
    """
    before, after = _flat(old), _flat(new)
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _flat(config: Config) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in config.model_dump().items():
        below = value if isinstance(value, dict) else None
        values |= {key: value} if below is None else {f"{key}.{k}": v for k, v in below.items()}
    return values


def _validated(value: object, origin: _Origin) -> Config:
    try:
        config = Config.model_validate(value)
    except ValidationError as error:
        raise ConfigError(_first_sentence(error, origin)) from None
    config._origin = origin
    return config


def _first_sentence(error: ValidationError, origin: _Origin) -> str:
    """The problem that stands first in the file, as one line."""
    found: list[tuple[KeyPath, str]] = []
    for detail in error.errors(include_url=False):
        context = detail.get("ctx", {})
        loc = [part for part in detail["loc"] if part != "[key]" and not _is_tag(part)]
        text = detail["msg"] if detail["type"] != "missing" else "missing; add it"
        found.append(((*loc, *context.get("at", ())), text))
    path, text = min(found, key=lambda item: origin.lines.get(item[0], 0))
    return f"{origin.where(path)}: {text}"


def _is_tag(part: str | int) -> bool:
    return isinstance(part, str) and part.startswith("<") and part.endswith(">")


def _upwards(path: KeyPath) -> Iterable[KeyPath]:
    return (path[:length] for length in range(len(path), 0, -1))
