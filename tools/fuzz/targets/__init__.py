"""The doors: one module each, whose class is `Door`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from ..verdict import Target

NAMES = {
    "config": "configuration files, with their presets and buses",
    "profile": "MIDI profile files, put to work and written again",
    "midi": "MIDI messages to controllers with the profiles, and to learning",
    "osc": "OSC datagrams, over UDP to the real server",
    "web": "WebSocket messages, to the real server",
    "http": "raw bytes on the web server's port: requests, handshakes, frames",
    "metadata": "metadata of a model, in its protobuf",
    "model": "model files cut, flipped and spliced",
    "audio": "audio files of all kinds, damaged",
    "log": "logs of recordings, for replay",
    "crate": "records of finished stems, and the crate's look at them",
    "keys": "bytes from a terminal or a pipe",
}


def open_target(name: str, seed: int, folder: Path) -> Target:
    """The target of that name at work in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return door(name)(seed, folder)


def door(name: str) -> type[Target]:
    """The class of a target: one of NAMES, or `module:class` of another."""
    module, _, attribute = name.rpartition(":")
    found = import_module(module or f"{__name__}.{name}")
    made: type[Target] = getattr(found, attribute if module else "Door")
    return made
