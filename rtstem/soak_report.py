"""What a soak has shown, held against its limits: PASS or FAIL, why, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .soak_advice import advise
from .soak_measured import Measured
from .soak_watch import TROUBLES

MAX_GROWTH_MB = 5.0  # an hour or less; so much for every hour of a longer soak
MAX_DRIFT_PPM = 200.0
MAX_NEW_THREADS = 2
COLUMNS = ("", "measured", "limit", "")


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
        values = ((item.name, item.value.partition(" (")[0]) for item in self.failures)
        reasons = "; ".join(f"{name} {value}" for name, value in values)
        return f"FAIL after {length}: {reasons}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        head = {"passed": self.passed, "verdict": self.verdict, "advice": self.advice}
        return head | {"items": [asdict(item) for item in self.items]} | asdict(self.measured)


def make_report(seen: Measured) -> SoakReport:
    """Judge what was seen."""
    items = (*_counted(seen), *_times(seen), *_steady(seen), *_told(seen))
    failed = {item.name for item in items if item.passed is False}
    return SoakReport(seen, items, advise(seen, failed))


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


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
