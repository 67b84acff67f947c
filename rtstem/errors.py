"""The exceptions of rtstem: one line that says what is wrong and names the cure."""

from __future__ import annotations

_LONGEST = 800


def printable(text: str) -> str:
    """`text`, which may come from a file or a network, as a line that no terminal obeys.

    Line ends become spaces; what else is not printable is written as in a Python string.
    """
    return text if text.isprintable() else "".join(map(_printable, text))


def one_line(text: str) -> str:
    """`text` made printable and, where it is too long, without its middle.

    It begins with the place and ends with the cure.
    """
    line = printable(text)
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"
    return line


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character in "\t\n\r" else ascii(character)[1:-1]


class RtstemError(Exception):
    """Base of all errors a user can meet; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        """`message` may hold names and values from files and networks: it becomes `one_line`."""
        super().__init__(one_line(message))


class ConfigError(RtstemError):
    """A configuration value, option or name that cannot be used."""

    exit_code = 2


class ModelError(RtstemError):
    """A model file that is missing, broken or does not fit the contract."""

    exit_code = 2


class ProviderError(ModelError):
    """What should run the model (a graphics card, its libraries) cannot be used here."""


class DeviceError(RtstemError):
    """An audio device that is missing, ambiguous or refuses the settings."""

    exit_code = 2


class MidiError(RtstemError):
    """A MIDI port that is missing or refuses to open."""

    exit_code = 2


class AudioFileError(RtstemError):
    """An audio file that cannot be read or written."""

    exit_code = 2


class EngineError(RtstemError):
    """A failure while the engine was running (sound server gone, thread lost)."""

    exit_code = 1
