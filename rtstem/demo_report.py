"""What a demo run showed, measured on the recording: latency, load, misses, the exactness of the mix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .control.telemetry import Percentiles, Snapshot
    from .demo import Recording
    from .demo_script import Played, ScriptPlayer
    from .engine import Engine

F32 = npt.NDArray[np.float32]
SILENT_DB = -160.0
_SETTLE_SECONDS = 0.1  # the engine's ramps and the blocks under way, after a move
_AHEAD_SECONDS = 0.05  # the same, before the next one
_SEARCH_SECONDS = 1.0  # longest delay that is looked for
_PROBE_SECONDS = 2.0
_SUM_TOLERANCE = 1e-4  # the stems sum to the input far closer than this, the dry signal does not


@dataclass(frozen=True)
class SectionReport:
    """One steady part of the script; levels in dBFS rms, times in seconds of the song."""

    name: str
    start: float
    end: float
    gains: dict[str, float]
    input_db: float
    mix_db: float
    stems_db: dict[str, float]
    """Level of each stem before its fader."""
    error_db: float
    """Peak of the mix minus what faders and stems say it must be, without `fallback_frames`."""
    fallback_frames: int
    """Frames in which the dry signal stood in for late stems."""
    exact: bool | None
    """All faders up: the mix is the input bit for bit. None where a fader is down, or for a mix
    that was not recorded."""


@dataclass(frozen=True)
class DemoReport:
    """Everything that report.md and report.json say."""

    machine: str
    model: str
    provider: str
    realtime: str
    device: str
    recorded: bool
    """False for a sound card: the files were made offline with the same model and moves."""
    song: str
    seconds: float
    rate: int
    latency: dict[str, int]
    """Parts of the engine's delay in frames, in the order of the signal."""
    declared_frames: int
    measured_frames: int | None
    """Delay found in the recording; None for a sound card or silent input."""
    hop_ms: float
    load: float
    timings: dict[str, Percentiles]
    """Microseconds of a callback and of a hop."""
    counters: dict[str, int]
    sections: tuple[SectionReport, ...]

    @property
    def exact(self) -> bool | None:
        """All sections with all faders up equal the input bit for bit; None if there is none."""
        found = [section.exact for section in self.sections if section.exact is not None]
        return all(found) if found else None

    def ms(self, frames: int) -> float:
        """Frames in milliseconds."""
        return 1000.0 * frames / self.rate

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"exact": self.exact, "declared_ms": self.ms(self.declared_frames)}

    def markdown(self) -> str:
        """The report for people."""
        from .demo_markdown import render

        return render(self)


def make_report(
    engine: Engine,
    snapshot: Snapshot,
    player: ScriptPlayer,
    recording: Recording,
    song: Path,
    device: str | int | None,
) -> DemoReport:
    """Measure the recording and put it beside the engine's own figures."""
    from .bench import machine_line

    latency = engine.latency
    measured = None
    if recording.raw is not None:
        measured = measure_delay(recording.heard, recording.raw, engine.rate)
    return DemoReport(
        machine=machine_line(),
        model=engine.spec.name,
        provider=engine.provider,
        realtime=engine.realtime,
        device="virtual device (clocked, no sound card)" if device is None else str(device),
        recorded=recording.raw is not None,
        song=song.name,
        seconds=round(len(recording.heard) / engine.rate, 3),
        rate=engine.rate,
        latency={
            "synthesis window": latency.synthesis,
            "alignment of blocks": latency.alignment,
            "safety": latency.safety,
            "fade guard": latency.guard,
        },
        declared_frames=latency.frames,
        measured_frames=measured,
        hop_ms=round(1000.0 * engine.spec.hop / engine.rate, 3),
        load=round(snapshot.load, 4),
        timings={"callback": snapshot.callback_us, "hop": snapshot.hop_us},
        counters={
            "late hops": snapshot.late_hops,
            "blocks with the last masks": snapshot.concealed_blocks,
            "blocks without stems": snapshot.missed_blocks,
            "callbacks over their deadline": snapshot.deadline_misses,
            "xruns of the host": snapshot.xruns,
            "input underflows": snapshot.input_underflows,
            "lost output frames": snapshot.sink_overflows,
            "model faults": snapshot.model_faults,
        },
        sections=tuple(measure_sections(player.played, recording, engine.rate)),
    )


def measure_delay(heard: F32, raw: F32, rate: int) -> int | None:
    """Frames by which `raw` lags behind `heard` at its beginning; None for silence.

    The lag of the least squared difference, found by correlation of the channels' sum.
    """
    probe = heard[: round(_PROBE_SECONDS * rate)].sum(axis=1, dtype=np.float64)
    if not np.any(probe):
        return None
    search = round(_SEARCH_SECONDS * rate)
    field = np.zeros(len(probe) + search)
    found = raw[: len(field)].sum(axis=1, dtype=np.float64)
    field[: len(found)] = found
    size = 1 << (len(field) + len(probe)).bit_length()
    product = np.fft.rfft(field, size) * np.conj(np.fft.rfft(probe, size))
    likeness = np.fft.irfft(product, size)[: search + 1]
    energy = np.concatenate(([0.0], np.cumsum(field**2)))
    window = energy[len(probe) :][: search + 1] - energy[: -len(probe)][: search + 1]
    return int(np.argmin(window - 2.0 * likeness))


def measure_sections(
    played: Sequence[Played], recording: Recording, rate: int
) -> list[SectionReport]:
    """The steady parts: from when the faders had come to rest to the next move."""
    reports = []
    for part in played:
        first = round((part.settled + _SETTLE_SECONDS) * rate) if part.settled > 0 else 0
        last = len(recording.mix)
        if math.isfinite(part.until):
            last = min(last, round((part.until - _AHEAD_SECONDS) * rate))
        if last - first > _SETTLE_SECONDS * rate:
            reports.append(_measure_section(part, recording, first, last, rate))
    return reports


def _measure_section(
    part: Played, recording: Recording, first: int, last: int, rate: int
) -> SectionReport:
    heard, mix = recording.heard[first:last], recording.mix[first:last]
    stems = {name: stem[first:last] for name, stem in recording.stems.items()}
    total, wanted = np.zeros(heard.shape), np.zeros(heard.shape)
    for name, stem in stems.items():
        total += stem
        wanted += part.gains[name] * stem.astype(np.float64)
    whole = np.max(np.abs(total - heard), axis=1) < _SUM_TOLERANCE
    up = all(gain == 1.0 for gain in part.gains.values())
    return SectionReport(
        name=part.section.name,
        start=round(first / rate, 3),
        end=round(last / rate, 3),
        gains=part.gains,
        input_db=level_db(heard),
        mix_db=level_db(mix),
        stems_db={name: level_db(stem) for name, stem in stems.items()},
        error_db=decibels(float(np.max(np.abs(mix - wanted)[whole], initial=0.0))),
        fallback_frames=int(np.count_nonzero(~whole)),
        exact=bool(np.array_equal(mix, heard)) if up and recording.raw is not None else None,
    )


def level_db(audio: F32) -> float:
    """Level in dBFS rms, not below SILENT_DB."""
    return decibels(float(np.sqrt(np.mean(audio.astype(np.float64) ** 2))))


def decibels(amplitude: float) -> float:
    """Linear amplitude in dB, to a hundredth, not below SILENT_DB."""
    lowest = 10.0 ** (SILENT_DB / 20.0)
    return round(20.0 * math.log10(max(lowest, amplitude)), 2)
