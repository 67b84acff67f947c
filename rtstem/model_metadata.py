"""Typed access to the metadata of a model file: text in, checked values or one-line errors out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import ModelError

FORMAT_VERSION = "1"
WINDOWS = ("asymmetric-hann",)
RATE_RANGE = (8_000, 192_000)
FFT_RANGE = (16, 65_536)
MAX_TEXT = 20_000


class Metadata:
    """Typed access to the metadata of one file; every failure is a ModelError naming the key."""

    def __init__(self, path: Path, values: Mapping[str, str]) -> None:
        self._path = path
        self._values = values

    def _fail(self, key: str, problem: str) -> ModelError:
        return ModelError(f"{self._path}: metadata {key}: {problem}")

    def text(self, key: str) -> str:
        value = self._values.get(key, "").strip()
        if not value:
            raise self._fail(key, "missing; export the model with this key in metadata_props")
        if len(value) > MAX_TEXT:
            raise self._fail(key, f"is over {MAX_TEXT} characters long; shorten it")
        return value

    def choice(self, key: str, allowed: Sequence[str]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise self._fail(key, f"must be one of {', '.join(allowed)}, not '{value}'")
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        return self._number(key, self.text(key), low, high)

    def _number(self, key: str, text: str, low: int, high: int) -> int:
        text = text.strip()
        # isdecimal and ascii: int() would also take "1_000", "+5" and digits of other scripts
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1
        if not low <= number <= high:
            raise self._fail(key, f"must be a whole number from {low} to {high}, not '{text}'")
        return number

    def version(self) -> None:
        key = "rtstem.version"
        if key not in self._values:
            raise self._fail(
                key, f"missing, so this is not an rtstem model; set it to '{FORMAT_VERSION}'"
            )
        value = self.text(key)
        if value != FORMAT_VERSION:
            raise self._fail(
                key, f"must be '{FORMAT_VERSION}', not '{value}'; export the model for this rtstem"
            )

    def stems(self) -> tuple[str, ...]:
        key = "stems"
        names = tuple(name.strip() for name in self.text(key).split(","))
        if not all(name.isidentifier() and name.islower() for name in names):
            raise self._fail(
                key,
                "must be lower-case names with commas between them, such as "
                f"vocals,drums,bass,other, not '{self.text(key)}'",
            )
        if len(set(names)) != len(names) or len(names) < 2:
            raise self._fail(key, f"must be two or more different names, not '{self.text(key)}'")
        return names

    def rates(self) -> tuple[tuple[int, ...], int]:
        sample_rate = self.integer("sample_rate", *RATE_RANGE)
        parts = self.text("rates").split(",")
        rates = tuple(self._number("rates", part, *RATE_RANGE) for part in parts)
        if sample_rate not in rates:
            raise self._fail("rates", f"must contain the sample_rate {sample_rate}, not {rates}")
        return rates, sample_rate

    def geometry(self, domain: str, hop: int) -> tuple[int, int, str]:
        """fft_size, synthesis_size and window; a waveform model has no transform: the hop."""
        if domain == "waveform":
            return hop, hop, ""
        fft_size = self.integer("fft_size", *FFT_RANGE)
        if fft_size % 2:
            raise self._fail("fft_size", f"must be even, not {fft_size}")
        synthesis_size = self.integer("synthesis_size", 1, fft_size)
        if synthesis_size % hop or synthesis_size < 2 * hop:
            raise self._fail(
                "synthesis_size",
                f"must be 2, 3, ... times the hop of {hop} for the overlap-add, "
                f"not {synthesis_size}",
            )
        return fft_size, synthesis_size, self.choice("window", WINDOWS)

    def metrics(self) -> dict[str, Any]:
        text = self.text("metrics")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self._fail("metrics", 'must be a JSON object such as {"vocals_sdr": 7.1}')
        return value
