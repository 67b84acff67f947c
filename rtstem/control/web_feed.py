"""What the page is told of a running engine, 30 times a second and only where it changed."""

from __future__ import annotations

import math
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from .web_protocol import encode

if TYPE_CHECKING:
    from ..latency import Latency
    from ..model_spec import ModelSpec
    from .spectrum import StemSpectrum
    from .telemetry import Meters, Snapshot

FLOOR_DB = -72
_FLOOR = 10 ** (FLOOR_DB / 20)
_BANDS_EVERY = 2  # meters for one look at the spectra, which takes as long again
_STATUS_EVERY = 30  # meters for one look at load and counters, which takes ten times as long
_COUNTERS = (
    "late_hops",
    "held_hops",
    "concealed_blocks",
    "missed_blocks",
    "deadline_misses",
    "xruns",
    "nonfinite",
    "model_faults",
    "input_underflows",
)


class WebEngine(Protocol):
    """What the page needs of `rtstem.Engine`."""

    @property
    def latency(self) -> Latency: ...

    @property
    def notice(self) -> str: ...

    @property
    def spec(self) -> ModelSpec: ...

    @property
    def rate(self) -> int: ...

    @property
    def provider(self) -> str: ...

    @property
    def route(self) -> tuple[str, str]: ...

    @property
    def bus_names(self) -> tuple[str, ...]: ...

    def meters(self) -> Meters: ...

    def snapshot(self) -> Snapshot: ...

    def open_spectrum(self) -> StemSpectrum: ...


def decibels(peak: float) -> int:
    """Whole dB of a linear peak, from FLOOR_DB up; the page's meters show no more."""
    if not peak > _FLOOR:  # NaN too
        return FLOOR_DB
    return round(20 * math.log10(min(peak, 100.0)))


def facts(engine: WebEngine) -> dict[str, Any]:
    """What stays the same while the engine runs."""
    source, target = engine.route
    return {
        "model": engine.spec.name,
        "stems": list(engine.spec.stems),
        "buses": list(engine.bus_names),
        "rate": engine.rate,
        "provider": engine.provider.removesuffix("ExecutionProvider"),
        "input": source,
        "output": target,
        "latency": engine.latency.describe() if hasattr(engine, "latency") else "",
        "floor_db": FLOOR_DB,
    }


class Feed:
    """Meters, load and counters of one engine as messages."""

    def __init__(self, engine: WebEngine) -> None:
        self._engine = engine
        self._meters: dict[str, Any] = {}
        self._status: dict[str, Any] = {}
        self._round = 0
        self._spectrum: Future[StemSpectrum] | None = None  # once somebody has asked
        self._bands = b""

    def news(self) -> list[str]:
        """Messages about all that changed since the last call."""
        messages = []
        meters = _meters(self._engine.meters())
        if changed := _changed(meters, self._meters):
            messages.append(encode("meters", **changed))
            self._meters = meters
        if self._round % _STATUS_EVERY == 0:
            status = _status(self._engine.snapshot(), self._engine.notice)
            if changed := _changed(status, self._status):
                messages.append(encode("status", **changed))
                self._status = status
        self._round += 1
        return messages

    def bands(self, anew: bool = False) -> bytes:
        """The stems' spectra, a byte a band, stem by stem; nothing where they have not changed.

        To be asked after `news`, of which every other one brings spectra. The first call begins to
        compile what they need, beside: there are none until that is done.
        anew: although they have not changed, for somebody who does not know them.
        """
        if self._spectrum is None:
            opener = ThreadPoolExecutor(1, "rtstem-spectrum")
            self._spectrum = opener.submit(self._engine.open_spectrum)
            opener.shutdown(wait=False)
        if not self._spectrum.done():
            return b""
        if self._round % _BANDS_EVERY and not anew:
            return b""
        before, self._bands = self._bands, self._spectrum.result().read().tobytes()
        return self._bands if anew or self._bands != before else b""

    def everything(self) -> list[str]:
        """What `news` has told so far, for a client that has just come."""
        return [encode("meters", **self._meters), encode("status", **self._status)]


def _changed(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in new.items() if key not in old or old[key] != value}


def _meters(meters: Meters) -> dict[str, Any]:
    return {
        "in": [decibels(peak) for peak in meters.input_peak],
        "stems": [decibels(peak) for peak in meters.stem_peaks.values()],
        "buses": [[decibels(p) for p in peaks] for peaks in meters.bus_peaks.values()],
    }


def _status(snapshot: Snapshot, notice: str) -> dict[str, Any]:
    return {
        "running": snapshot.running,
        "latency_ms": round(snapshot.latency_ms, 1),
        "load": round(snapshot.load, 2) if math.isfinite(snapshot.load) else 0.0,
        "clock_ppm": round(snapshot.clocks.ppm) if snapshot.clocks else None,
        "notice": notice,
    } | {name: getattr(snapshot, name) for name in _COUNTERS}
