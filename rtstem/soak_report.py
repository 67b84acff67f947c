"""What a soak has shown, held against its limits: PASS or FAIL, why, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .control.telemetry import Percentiles
from .load.stalls import Stalls
from .sizing import RESERVE, recommended_safety_hops
from .soak_watch import TROUBLES, Growth, Sample

MAX_GROWTH_MB = 5.0  # an hour or less; so much for every hour of a longer soak
MAX_DRIFT_PPM = 200.0
MAX_NEW_THREADS = 2
COLUMNS = ("", "measured", "limit", "")
_TOO_SLOW = 0.8  # of a hop, half of all hops: no waiting time helps
_LATE = ("blocks without stems", "blocks with the last masks", "late hops", "hops held in time")
_MAX_SAFETY = 64.0


@dataclass(frozen=True)
class Exactness:
    """Whether what came out is the delayed input: frames compared, those that differ, the delay."""

    compared: int
    bad: int
    measured_frames: int | None
    gave_up: bool
    """Frames were lost on the way and nothing could be compared after that."""


@dataclass(frozen=True)
class Measured:
    """Everything that was seen; times in microseconds unless named otherwise."""

    machine: str
    model: str
    provider: str
    route: tuple[str, str]
    load: str
    realtime: str
    sizing: str
    """What `latency: auto` has chosen; empty for a fixed safety."""
    rate: int
    block: int
    hop_frames: int
    safety_hops: float
    latency_frames: int
    latency: str
    seconds: float
    planned_seconds: float
    interrupted: bool
    error: str
    notices: tuple[str, ...]
    gave_up: dict[str, str]
    """Parts of the load that the machine did not let work."""
    counts: dict[str, int]
    """See TROUBLES."""
    callback_us: Percentiles
    hop_us: Percentiles
    exactness: Exactness | None
    """None for a sound device."""
    drift_ppm: tuple[float, float] | None
    growth: Growth | None
    threads: tuple[int | None, int]
    """After the warm-up and at the end."""
    celsius: float | None
    mhz: tuple[float, float] | None
    """Lowest and highest seen."""
    throttled: float | None
    stolen_percent: float | None
    stalls: Stalls | None
    samples: tuple[Sample, ...]

    @property
    def hop_period_us(self) -> float:
        """From one hop to the next."""
        return 1e6 * self.hop_frames / self.rate

    @property
    def block_us(self) -> float:
        """Time that a callback has."""
        return 1e6 * self.block / self.rate

    @property
    def deadline_us(self) -> float:
        """Time that a hop has, from the callback that completes it to the one that needs it."""
        return self.block_us + self.safety_hops * self.hop_period_us


@dataclass(frozen=True)
class Item:
    """A line of the certificate; `passed` None: told, not judged."""

    name: str
    value: str
    limit: str = ""
    passed: bool | None = None

    def cells(self) -> tuple[str, str, str, str]:
        """The row of the table, in the order of COLUMNS."""
        return self.name, self.value, self.limit, {None: "", True: "ok", False: "FAIL"}[self.passed]


@dataclass(frozen=True)
class SoakReport:
    """The certificate."""

    measured: Measured
    items: tuple[Item, ...]
    advice: str
    """One sentence: what to do, or to leave."""

    @property
    def failures(self) -> tuple[Item, ...]:
        """The items that failed."""
        return tuple(item for item in self.items if item.passed is False)

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def verdict(self) -> str:
        """PASS or FAIL, for how long, and why, as one line."""
        seen, length = self.measured, _duration(self.measured.seconds)
        if seen.interrupted:
            length += f" of {_duration(seen.planned_seconds)} (interrupted)"
        if self.passed:
            return f"PASS: {length} without a miss at {seen.latency}"
        reasons = "; ".join(f"{item.name} {item.value}" for item in self.failures)
        return f"FAIL after {length}: {reasons}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        head = {"passed": self.passed, "verdict": self.verdict, "advice": self.advice}
        return head | {"items": [asdict(item) for item in self.items]} | asdict(self.measured)


def make_report(seen: Measured) -> SoakReport:
    """Judge what was seen."""
    items = (*_counted(seen), *_times(seen), *_steady(seen), *_told(seen))
    return SoakReport(seen, items, _advice(seen))


def _counted(seen: Measured) -> list[Item]:
    items = [Item(name, str(seen.counts[name]), "0", seen.counts[name] == 0) for name in TROUBLES]
    if seen.error:
        items.insert(0, Item("stream", f"ended: {seen.error}", "no end", False))
    return items


def _times(seen: Measured) -> list[Item]:
    callback, hop = seen.callback_us, seen.hop_us
    return [
        Item(
            "worst callback",
            f"{callback.max:.0f} us (p50 {callback.p50:.0f}, p99 {callback.p99:.0f},"
            f" p99.9 {callback.p999:.0f})",
            f"{seen.block_us:.0f} us, a block",
            callback.max <= seen.block_us,
        ),
        Item(
            "slowest hop",
            f"{hop.max / 1000:.1f} ms (p50 {hop.p50 / 1000:.1f}, p99 {hop.p99 / 1000:.1f},"
            f" p99.9 {hop.p999 / 1000:.1f})",
            f"{seen.deadline_us / 1000:.1f} ms, block + safety",
            hop.max <= seen.deadline_us,
        ),
    ]


def _steady(seen: Measured) -> list[Item]:
    """What must not change: delay, clock, memory, threads."""
    items = [_exact(seen)]
    if seen.drift_ppm is not None:
        drift, unsure = seen.drift_ppm
        within = abs(drift) - unsure <= MAX_DRIFT_PPM
        value = f"{drift:+.1f} ppm (+- {unsure:.1f})"
        items.append(Item("clock drift", value, f"{MAX_DRIFT_PPM:.0f} ppm", within))
    if seen.growth is not None:
        limit = MAX_GROWTH_MB * max(1.0, seen.seconds / 3600)
        value = f"{seen.growth.mb:+.1f} MB ({seen.growth.mb_per_hour:+.1f} MB/h)"
        within = seen.growth.mb < limit
        items.append(Item("memory growth", value, f"{limit:.0f} MB", within))
    warm, end = seen.threads
    if warm is not None:
        within = end <= warm + MAX_NEW_THREADS
        items.append(Item("threads", f"{warm}, then {end}", f"+{MAX_NEW_THREADS}", within))
    return items


def _exact(seen: Measured) -> Item:
    declared, found = seen.latency_frames, seen.exactness
    if found is None or not found.compared:
        return Item("latency", f"{declared} frames declared, not measured on a sound device")
    value = f"{declared} frames declared, {found.measured_frames} measured; "
    whole = f"all {found.compared} frames are the input"
    value += f"{found.bad} of {found.compared} frames differ" if found.bad else whole
    if found.gave_up:
        value += ", until frames were lost"
    right = found.bad == 0 and found.measured_frames in (declared, None)
    return Item("latency", value, "the same, bit for bit", right)


def _told(seen: Measured) -> list[Item]:
    """What explains the rest."""
    items = [Item("rights", seen.realtime)]
    if seen.sizing:
        items.append(Item("latency: auto", seen.sizing))
    if seen.stalls is not None:
        own = "" if seen.stalls.real_time else ", other programs included"
        value = f"{seen.stalls.count} over 1 ms, longest {seen.stalls.longest_ms:.1f} ms{own}"
        items.append(Item("standstills of the machine", value))
    if seen.stolen_percent is not None:
        items.append(Item("time stolen by a hypervisor", f"{seen.stolen_percent:.2f} %"))
    hottest = "not readable here" if seen.celsius is None else f"{seen.celsius:.0f} degrees Celsius"
    items.append(Item("hottest", hottest))
    if seen.mhz is not None:
        items.append(Item("processor clock", f"{seen.mhz[0]:.0f} to {seen.mhz[1]:.0f} MHz"))
    throttled = "not readable here" if seen.throttled is None else f"{seen.throttled:.0f} times"
    items.append(Item("slowed down by heat", throttled))
    items += [Item(f"load '{name}' gave up", why) for name, why in seen.gave_up.items()]
    return items


def _advice(seen: Measured) -> str:
    """The first thing to do, most effective first."""
    if seen.error:
        return "Mend what ended the stream, then soak again."
    late = any(seen.counts[name] for name in _LATE)
    if late and "normal priority" in seen.realtime:
        return "Allow real-time priority first (`rtstem doctor` says how), then soak again."
    if seen.hop_us.p50 > _TOO_SLOW * seen.hop_period_us:
        return "The model is too slow for this machine: take a smaller one, or a GPU."
    if late:
        return _wait_longer(seen)
    if seen.counts["callbacks over their deadline"] or seen.counts["xruns of the host"]:
        return f"Take a larger block (audio.block: {2 * seen.block}), then soak again."
    if seen.counts["input not ready"]:
        return "Put the music on a faster disk, or on this machine; then soak again."
    if not _keeps_still(seen):
        return "Report this with the file of --json: no setting mends it."
    return _leave_or_tighten(seen)


def _keeps_still(seen: Measured) -> bool:
    """Whether delay, clock, memory and threads kept still, and no model failed."""
    steady = all(item.passed is not False for item in (*_steady(seen), *_times(seen)))
    return steady and not seen.counts["model faults"]


def _needed(seen: Measured, slowest_us: float) -> float:
    """Safety for a hop of `slowest_us`, in hops."""
    block_hops = seen.block / seen.hop_frames
    return recommended_safety_hops(slowest_us, seen.hop_period_us, block_hops)


def _stalled_us(seen: Measured) -> float:
    """The machine's longest standstill, where that is known of itself and not of other programs."""
    return 1000 * seen.stalls.longest_ms if seen.stalls and seen.stalls.real_time else 0.0


def _wait_longer(seen: Measured) -> str:
    stalled_us = _stalled_us(seen)
    needed = max(_needed(seen, seen.hop_us.p999 + stalled_us), seen.safety_hops + 0.25)
    needed = min(needed, _MAX_SAFETY)
    more = (needed - seen.safety_hops) * seen.hop_period_us / 1000
    text = (
        f"Set latency.safety_hops: {needed:g} (now {seen.safety_hops:g}, {more:.0f} ms more delay)"
    )
    if stalled_us > seen.deadline_us - seen.hop_us.p50:
        text += (
            f"; the machine itself stood still for {stalled_us / 1000:.0f} ms, which no program"
            " can prevent: better use one that is not virtual"
        )
    return text + "; then soak again."


def _leave_or_tighten(seen: Measured) -> str:
    hop = seen.hop_us
    slowest_us = max(hop.max, hop.p999 + _stalled_us(seen))  # bad luck included: no reserve on top
    enough = _needed(seen, max(hop.p999, slowest_us / RESERVE))
    if enough < seen.safety_hops:
        less = (seen.safety_hops - enough) * seen.hop_period_us / 1000
        return (
            f"Keep latency.safety_hops: {seen.safety_hops:g}; {enough:g} may do as well"
            f" ({less:.1f} ms less delay): soak with it before you rely on it."
        )
    return f"Keep latency.safety_hops: {seen.safety_hops:g} and blocks of {seen.block} frames."


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
