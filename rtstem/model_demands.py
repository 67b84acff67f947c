"""The demands on a model file, each a function that runs it and returns a `Verdict`.

A demand whose run raises EngineError is not met. The signals are made here, so that the proof needs
no music.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import EngineError
from .model_signals import Audio, extremes, music, noise
from .model_spec import ModelSpec
from .rt.separator import Separator

SILENCE_DB = -80.0
"""What may remain in a stem two seconds after the music, or in silence from the start, dBFS."""
EQUAL_DB = -100.0
"""Largest difference between two runs that must be the same, dBFS."""
LOUDEST = 8.0
"""How far a stem's peak may exceed the input's peak."""
GROWTH = 1.5
"""How far the state's peak may grow from the first half of a long run to the second."""
QUIET = 0.01
"""Input peaks below this count as this where stems are compared with them."""
FULL_LOAD = 0.8
"""p99 of the time per hop over the hop; the rest belongs to sound server, mixer and screen."""


@dataclass(frozen=True)
class Verdict:
    """Outcome of one check; `figure` is what was measured, `demand` what it must be."""

    name: str
    passed: bool
    figure: str
    demand: str


@dataclass(frozen=True)
class Subject:
    """The model at work, and how far a long check has come (`tell`, 0 to 1)."""

    spec: ModelSpec
    separator: Separator
    seconds: float
    tell: Callable[[float], None]

    @property
    def rate(self) -> int:
        return self.spec.sample_rate

    def hops(self, seconds: float) -> int:
        """Whole hops in about `seconds`."""
        return max(8, round(seconds * self.rate / self.spec.hop))

    def fresh(self, audio: Audio) -> Audio:
        """Stems of `audio` from an empty state, all hops in one call."""
        self.separator.reset()
        return self.separator.process(audio)

    def chunks(self, audio: Audio, hops: int) -> Iterator[Audio]:
        """Parts of `audio`, `hops` hops each."""
        step = hops * self.spec.hop
        return (audio[start : start + step] for start in range(0, len(audio), step))


def _decibels(peak: float) -> float:
    return 20 * float(np.log10(max(peak, 1e-10)))


def _peak(audio: npt.NDArray[Any]) -> float:
    return float(np.abs(audio).max(initial=0.0))


def _equal(name: str, difference: float, demand: str) -> Verdict:
    level = _decibels(difference)
    figure = "equal bit for bit" if difference == 0 else f"differs by {level:.0f} dBFS"
    return Verdict(name, level <= EQUAL_DB, figure, demand)


def check_causal(subject: Subject) -> Verdict:
    """Two signals that part in the middle give the same stems before it."""
    hops = subject.hops(0.5)
    first = noise(2 * hops * subject.spec.hop, seed=1)
    second = first.copy()
    second[hops * subject.spec.hop :] = noise(hops * subject.spec.hop, seed=2)
    known = slice(0, hops * subject.spec.hop)
    difference = _peak(subject.fresh(first)[:, known] - subject.fresh(second)[:, known])
    return _equal("causal", difference, "the future changes nothing")


def check_streaming(subject: Subject) -> Verdict:
    """Hop by hop gives what all hops at once give."""
    audio = music(subject.hops(2.0) * subject.spec.hop, subject.rate)
    whole = subject.fresh(audio)
    subject.separator.reset()
    parts = [subject.separator.process(part) for part in subject.chunks(audio, 1)]
    difference = _peak(np.concatenate(parts, axis=1) - whole)
    return _equal("streaming", difference, "hop by hop equals offline")


def check_restart(subject: Subject) -> Verdict:
    """After a reset nothing of the past is left."""
    audio = music(subject.hops(1.0) * subject.spec.hop, subject.rate)
    first = subject.fresh(audio)
    subject.separator.process(noise(len(audio), seed=3))
    return _equal("restart", _peak(subject.fresh(audio) - first), "equal after a reset")


def check_delay(subject: Subject) -> Verdict:
    """The loudest stem of noise lies where the declared delay says, by cross-correlation."""
    audio = noise(subject.hops(3.0) * subject.spec.hop, seed=4)
    stems = subject.fresh(audio)
    loudest = stems[int(np.argmax((stems**2).sum(axis=(1, 2))))]
    size = 2 * len(audio)
    spectrum = np.conj(np.fft.rfft(audio[:, 0], size)) * np.fft.rfft(loudest[:, 0], size)
    found = int(np.argmax(np.abs(np.fft.irfft(spectrum)[: len(audio)])))
    declared, hop = subject.separator.delay_frames, subject.spec.hop
    figure = f"found {found} frames, declared {declared}"
    return Verdict("delay", abs(found - declared) < hop // 2, figure, "as declared")


def check_sum(subject: Subject) -> Verdict:
    """The stems sum to the delayed input."""
    audio = music(subject.hops(3.0) * subject.spec.hop, subject.rate)
    stems, delay = subject.fresh(audio), subject.separator.delay_frames
    error = _peak(stems[:, delay:].sum(axis=0) - audio[: len(audio) - delay])
    level = _decibels(error / _peak(audio))
    return Verdict("sum", level <= EQUAL_DB, f"off by {level:.0f} dB", "stems sum to the input")


def check_silence(subject: Subject) -> Verdict:
    """Silence gives silence, from the start and after loud music."""
    hop, hops = subject.spec.hop, subject.hops(2.0)
    silent = np.zeros((hops * hop, 2), np.float32)
    from_start = _decibels(_peak(subject.fresh(silent)))
    subject.separator.process(music(subject.hops(5.0) * hop, subject.rate))
    subject.separator.process(silent)
    after = _decibels(_peak(subject.separator.process(silent)))
    figure = f"{from_start:.0f} dBFS from the start, {after:.0f} dBFS 2 s after music"
    demand = f"at most {SILENCE_DB:.0f} dBFS"
    return Verdict("silence", max(from_start, after) <= SILENCE_DB, figure, demand)


def check_extremes(subject: Subject) -> Verdict:
    """Signals that no music holds leave the stems finite and bounded."""
    worst, worst_name = 0.0, ""
    for name, audio in extremes(subject.hops(1.0) * subject.spec.hop, subject.rate):
        try:
            stems = subject.fresh(audio)
        except EngineError:
            return Verdict("extremes", False, f"{name}: not finite", "finite stems")
        ratio = _peak(stems) / max(_peak(audio), QUIET)
        worst, worst_name = max((worst, worst_name), (ratio, name))
    figure = f"peak {worst:.2f} x the input's ({worst_name})"
    return Verdict("extremes", worst <= LOUDEST, figure, f"finite, at most {LOUDEST:g} x")


def check_stable(subject: Subject) -> Verdict:
    """Over minutes the stems stay bounded and the recurrent state does not grow."""
    hops = subject.hops(max(2.0, subject.seconds))
    chunk = subject.hops(1.0)
    states, loudest = [], 0.0
    subject.separator.reset()
    for start in range(0, hops, chunk):
        audio = music(chunk * subject.spec.hop, subject.rate, start * subject.spec.hop)
        stems = subject.separator.process(audio)
        states.append(_peak(subject.separator.state.states))
        loudest = max(loudest, _peak(stems) / _peak(audio))
        subject.tell(min(1.0, (start + chunk) / hops))
    half = len(states) // 2
    early, late = max(states[:half]), max(states[half:])
    bounded = late <= GROWTH * early or late < 1e-6
    figure = (
        f"{subject.seconds:.0f} s: state peak {early:.3g}, then {late:.3g}; stems x{loudest:.2f}"
    )
    demand = f"state grows less than x{GROWTH:g}, stems less than x{LOUDEST:g}"
    return Verdict("stable", bool(bounded and loudest <= LOUDEST), figure, demand)


def check_speed(subject: Subject) -> Verdict:
    """Time per hop on this machine, against the hop."""
    hop = subject.spec.hop
    audio = music(subject.hops(6.0) * hop, subject.rate)
    subject.separator.reset()
    times = []
    for part in subject.chunks(audio, 1):
        start = time.perf_counter_ns()
        subject.separator.process(part)
        times.append((time.perf_counter_ns() - start) / 1e6)
    p50, p99, slowest = (float(t) for t in np.percentile(times, (50, 99, 100)))
    period = 1000 * hop / subject.rate
    figure = f"p50 {p50:.2f}, p99 {p99:.2f}, max {slowest:.2f} ms of {period:.2f} ms"
    demand = f"p99 below {FULL_LOAD:.0%} of a hop"
    return Verdict("speed", p99 <= FULL_LOAD * period, figure, demand)


DEMANDS: tuple[tuple[str, Callable[[Subject], Verdict]], ...] = (
    ("causal", check_causal),
    ("streaming", check_streaming),
    ("restart", check_restart),
    ("delay", check_delay),
    ("sum", check_sum),
    ("silence", check_silence),
    ("extremes", check_extremes),
    ("stable", check_stable),
    ("speed", check_speed),
)
