"""Configuration files, as `--config FILE` takes them, on to the desk that their presets make."""

from __future__ import annotations

import re
from pathlib import Path

from rtstem.config import check_stems, diff, load_config
from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk

from ..yaml_cases import ROOT, YamlCases

_STEMS = ("vocals", "drums", "bass", "other")


class Door:
    """Config files."""

    cases = 100_000
    room = 512

    def __init__(self, seed: int, folder: Path) -> None:
        texts = [path.read_text() for path in sorted(ROOT.glob("configs/*.yaml"))]
        for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))):
            texts += re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
        self._cases = YamlCases(seed, "config", texts)
        self._path = folder / "mine.yaml"
        self._default = load_config(None)

    def make(self, number: int) -> bytes:
        """A configuration that may be none."""
        return self._cases.make(number)

    def feed(self, data: bytes) -> None:
        """Load it, and set up a desk by it."""
        self._path.write_bytes(data)
        config = load_config(self._path)
        diff(self._default, config)
        check_stems(config, _STEMS)
        buses = {n: dict(b.gains) for n, b in config.buses.items() if not isinstance(b.gains, str)}
        desk = Desk(_STEMS, config.presets, lambda state: None, faders=config.faders, buses=buses)
        table = ActionTable(desk)
        for name in config.presets:
            table.apply(f"preset.{name}", 1.0)

    def close(self) -> None:
        """Nothing was started."""
