"""Logs of recordings, with the audio files beside them, as `rtstem replay` takes them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from rtstem.control.recording_log import (
    LOG_NAME,
    Header,
    Totals,
    block_line,
    gap_line,
    header_line,
    lost_moves_line,
    move_line,
    totals_line,
)
from rtstem.replay import replay

from ..mutate import damaged, generator
from ..verdict import FailedError

_FRAMES, _STEMS, _BUSES = 700, ("vocals", "other"), {"main": True, "cue": False}
_VALUES: list[Any] = [
    *(
        None,
        True,
        0,
        1,
        -1,
        64,
        10**18,
        10**400,
        -(2**63),
        0.5,
        1e308,
        -1e308,
        1e39,
        float("nan"),
        "",
        "x",
    ),
    *(
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "dry.wav",
        "\x1b[2J",
        "a" * 500,
        "main",
        [],
        {},
        [[1]],
        [1, 2],
    ),
    *(
        {"frames": 1},
        {"dry": "dry.wav"},
        [["main", True]],
        {"../../../x": True},
        {"": False},
        "1.5",
    ),
]
_WORDS = [
    *(b'"at"', b'"scene"', b'"block"', b'"lost"', b'"end"'),
    *(b'"lost_moves"', b"NaN", b"Infinity", b"1e400"),
    *(b"9" * 5000, b"[" * 3000, b"null", b"true", b"-1"),
    *(b"\n", b"\r\n", b"\xff", b"\\u0000", b"{", b"}", b'"'),
]  # fmt: skip


class Door:
    """Logs."""

    cases = 30_000
    room = 1024

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._place = folder / "deep" / "down" / "recording"
        self._place.mkdir(parents=True)
        noise = np.random.default_rng(1).uniform(-0.5, 0.5, (_FRAMES, 2)).astype(np.float32)
        names = {
            "dry": "dry.wav",
            "stem.vocals": "v.wav",
            "stem.other": "o.wav",
            "bus.main": "m.wav",
        }
        for name in names.values():
            soundfile.write(self._place / name, noise, 44_100, subtype="FLOAT")
        self._before = _all_files(folder)
        self._folder = folder
        scene = np.ones((3, 3), np.float32)
        header = Header(
            *("1.0", "2026-01-01T00:00:00", "live", "0" * 64, 44_100, 1344, _STEMS, _BUSES, names),
            *(1024, 64, scene, scene[:2], np.zeros(2), np.zeros((2, 2, 2))),
        )
        self._lines = [
            *(header_line(header), move_line(64, scene * np.float32(0.5)), block_line(128, 32)),
            *(gap_line(200, 10), lost_moves_line(300), totals_line(Totals(_FRAMES, 10, 1, ""))),
        ]
        self.feed("".join(self._lines).encode())

    def make(self, number: int) -> bytes:
        """A log."""
        dice = generator(self._seed, "log", number)
        if dice.random() < 0.4:
            return damaged(dice, "".join(self._lines).encode(), _WORDS)
        lines = [json.loads(line) for line in self._lines]
        for _ in range(dice.choice([1, 1, 2])):
            place = dice.randrange(len(lines)) if dice.random() < 0.5 else 0
            lines[place] = _changed(dice, lines[place])
        if dice.random() < 0.2:
            lines.insert(dice.randrange(len(lines) + 1), dice.choice(lines))
        return b"".join(json.dumps(line).encode() + b"\n" for line in lines)

    def feed(self, data: bytes) -> None:
        """Mix it again, and see that nothing appeared elsewhere."""
        (self._place / LOG_NAME).write_bytes(data)
        try:
            report = replay(self._place, overwrite=True)
            if report.out.parent != self._place:
                raise FailedError(f"written elsewhere: {report.out}")
            report.out.unlink()
        finally:
            strange = _all_files(self._folder) - self._before - {self._place / LOG_NAME}
            if strange:
                for path in strange:
                    path.unlink()
                raise FailedError(f"files that should not be: {sorted(strange)[:3]}")

    def close(self) -> None:
        """Nothing was started."""


def _all_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _changed(dice: random.Random, tree: Any) -> Any:
    """The tree with something else in one place."""
    if not tree or not isinstance(tree, dict | list) or dice.random() < 0.1:
        return dice.choice(_VALUES)
    if isinstance(tree, list):
        place = dice.randrange(len(tree))
        return [*tree[:place], _changed(dice, tree[place]), *tree[place + 1 :]]
    key = dice.choice(list(tree))
    kind = dice.random()
    if kind < 0.1:
        return {k: v for k, v in tree.items() if k != key}
    if kind < 0.2:
        return tree | {str(dice.choice(_VALUES))[:100]: tree[key]}
    return tree | {key: _changed(dice, tree[key])}
