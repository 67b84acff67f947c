"""MIDI profile files: read, put to work on a desk, written again."""

from __future__ import annotations

import contextlib
from pathlib import Path

import yaml

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.midi_device import Device
from rtstem.control.midi_profile import check_actions, read_profile
from rtstem.control.midi_profile_files import file_name, save_profile

from ..verdict import FailedError
from ..yaml_cases import ROOT, YamlCases

_STEMS = ("vocals", "drums", "bass", "other")
_CONTROLS = 6


class Door:
    """Profile files."""

    cases = 30_000
    room = 512

    def __init__(self, seed: int, folder: Path) -> None:
        texts = [_shortened(path) for path in sorted(ROOT.glob("configs/midi/*.yaml"))]
        self._cases = YamlCases(seed, "profile", texts)
        self._path, self._copy = folder / "mine.yaml", folder / "copy.yaml"
        self._table = ActionTable(Desk(_STEMS, {}, lambda state: None))

    def make(self, number: int) -> bytes:
        """A profile that may be none."""
        return self._cases.make(number)

    def feed(self, data: bytes) -> None:
        """Read it, use it, write it and read what was written."""
        self._path.write_bytes(data)
        profile = read_profile(self._path)
        device = Device(profile, self._table, lambda beats: contextlib.nullcontext())
        messages = [*device.arrived(), *device.outgoing(1.0)]
        if any(not 0 <= byte <= 255 for message in messages for byte in message):
            raise FailedError("a message with a byte that is none")
        if "/" in file_name(profile) or file_name(profile).startswith("."):
            raise FailedError("a file name that leads elsewhere")
        save_profile(profile, self._copy)
        if read_profile(self._copy) != profile:
            raise FailedError("what was written reads differently")
        check_actions(profile, self._table.names, str(self._path))

    def close(self) -> None:
        """Nothing was started."""


def _shortened(path: Path) -> str:
    """A profile with some of its controls: a whole one takes long to read."""
    tree = yaml.safe_load(path.read_text())
    shifts = [label for label, control in tree["controls"].items() if "shift" in control]
    kept = [*shifts, *list(tree["controls"])[:: max(1, len(tree["controls"]) // _CONTROLS)]]
    tree["controls"] = {label: tree["controls"][label] for label in kept}
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
