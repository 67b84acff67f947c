"""Checks of single configuration values, for pydantic fields: `must be X, not Y` in plain words.

Each function makes a validator: it takes whatever the user wrote and returns the value in its final
type, or raises with the one sentence the user will read.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from numbers import Integral, Real

from pydantic_core import PydanticCustomError

from .resources import did_you_mean, listing

MAX_CHANNEL = 256


def problem(text: str, at: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """The error for the sentence `text`; `at` is where below the checked value it is wrong."""
    # as a parameter: pydantic would read braces in a template as placeholders
    return PydanticCustomError("rtstem", "{problem}", {"problem": text, "at": at})


def shown(value: object) -> str:
    """The value as the user wrote it, short, on one line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return " ".join(reprlib.repr(value).split())
    except ValueError:  # Python refuses to print integers of over 4300 digits
        return "a number with thousands of digits"


def _must(expected: str, value: object) -> PydanticCustomError:
    return problem(f"must be {expected}, not {shown(value)}")


def _whole(value: object) -> int | None:
    """The value as int if it is a whole number; a truth value is one in Python, not here."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    """The value as float if it is a number that fits; NaN stays NaN."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def number(low: float, high: float, also: str = "") -> Callable[[object], float]:
    """A finite number from `low` to `high`, as float; `also` goes before that in the sentence."""

    def check(value: object) -> float:
        real = _real(value)
        if real is None or not low <= real <= high:  # NaN fails the comparison too
            raise _must(f"{also}a number from {low:g} to {high:g}", value)
        return real

    return check


def number_or(word: str, low: float, high: float) -> Callable[[object], float | str]:
    """The word, or a number as above."""
    plain = number(low, high, f"{word} or ")

    def check(value: object) -> float | str:
        return word if value == word else plain(value)

    return check


def integer(low: int, high: int, *also: str | int) -> Callable[[object], int | str]:
    """A whole number from `low` to `high`, or one of the values in `also`."""
    expected = "".join(f"{value} or " for value in also) + f"a whole number from {low} to {high}"

    def check(value: object) -> int | str:
        if isinstance(value, str) and value in also:
            return value
        whole = _whole(value)
        if whole is not None and (whole in also or low <= whole <= high):
            return whole
        raise _must(expected, value)

    return check


def choice(*allowed: str) -> Callable[[object], str]:
    """One of the words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _must(f"one of {listing(allowed)}", value)
        return value

    return check


def switch(value: object) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise _must("true or false", value)
    return value


def text(expected: str) -> Callable[[object], str]:
    """Text on one line that is not empty; `expected` says what it means."""

    def check(value: object) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise _must(expected, value)
        return value

    return check


def optional(inner: Callable[[object], str]) -> Callable[[object], str | None]:
    """Nothing, or what `inner` accepts."""
    return lambda value: None if value is None else inner(value)


def texts(what: str) -> Callable[[object], tuple[str, ...]]:
    """A list of texts, perhaps empty."""

    def check(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, (list, tuple)) else None
        if items is None or not all(isinstance(item, str) and item.strip() for item in items):
            raise _must(f"a list of {what}", value)
        return tuple(items)

    return check


def ports(value: object) -> str | tuple[str, ...]:
    """`auto`, or a list of parts of MIDI port names."""
    if value == "auto":
        return "auto"
    names = value if isinstance(value, (list, tuple)) else ()
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise _must("auto or a list of parts of port names (`rtstem midi list` shows them)", value)
    return tuple(names)


def device(direction: str, *special: str, file: bool = False) -> Callable[[object], str | int]:
    """A sound device: its name or index, `default`, or one of the `special` ones.

    `file`: whether `file:PATH` may stand for a device.
    """
    words = ["a device name or index", "default", *special, *(["file:PATH"] if file else [])]
    expected = f"{', '.join(words[:-1])} or {words[-1]} (`rtstem devices` lists the {direction}s)"

    def check(value: object) -> str | int:
        index = _whole(value)
        if index is not None and index >= 0:
            return index
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise _must(expected, value)
        kind, _, rest = value.partition(":")
        unknown = kind == "virtual" and value not in special
        if unknown or (kind == "file" and not (file and rest)):
            raise _must(expected, value)
        return value

    return check


def channels(value: object) -> tuple[int, ...]:
    """One (mono) or two (stereo) different device channels, counted from 1."""
    if isinstance(value, list | tuple) and 1 <= len(value) <= 2:
        numbers = (_whole(item) for item in value)
        whole = tuple(n for n in numbers if n is not None and 1 <= n <= MAX_CHANNEL)
        if len(whole) == len(value) == len(set(whole)):
            return whole
    raise _must(
        f"a list of one or two different channel numbers from 1 to {MAX_CHANNEL}, "
        "such as [1, 2] or [1]",
        value,
    )


def name(value: object) -> str:
    """A short name for a bus or preset: it becomes part of action names and file names."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", value):
        raise problem("the name must be 1 to 32 of a-z, 0-9 and _, starting with a letter")
    return value


def known_keys(value: object, allowed: tuple[str, ...]) -> object:
    """A mapping with no keys but the `allowed` ones."""
    if not isinstance(value, Mapping):
        raise _must(f"a mapping with the keys {listing(allowed)}", value)
    for key in value:
        if key not in allowed:
            hint = did_you_mean(str(key), allowed)
            raise problem(f"unknown key{hint}; allowed: {listing(allowed)}", at=(str(key),))
    return value


def mapping(what: str) -> Callable[[object], object]:
    """A mapping; `what` shows its form."""

    def check(value: object) -> object:
        if not isinstance(value, Mapping):
            raise _must(f"a mapping {what}", value)
        return value

    return check


def desk_or_gains(value: object) -> str:
    """The word desk; mappings of gains have their own check."""
    if value != "desk":
        raise _must("desk or a mapping of stems to gains such as {vocals: 1.0}", value)
    return "desk"
