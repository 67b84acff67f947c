"""The exceptions of rtstem: one line that says what is wrong and names the cure."""

from __future__ import annotations


class RtstemError(Exception):
    """Base of all errors a user can meet; `exit_code` is what the command line returns."""

    exit_code = 1


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
