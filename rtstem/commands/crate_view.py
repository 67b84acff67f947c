"""What `rtstem crate` shows while it works, and the list at the end."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import printable
from .output import Bar

if TYPE_CHECKING:
    from ..crate_work import Outcome


class CrateView:
    """A bar over the whole library, a line for every song, the failures once more at the end."""

    def __init__(self, bar: Bar, library: Path, songs: int) -> None:
        self._bar, self._library, self._songs = bar, library, songs
        self._start = time.perf_counter()
        self._counts: Counter[str] = Counter()
        self._separated = 0.0
        self._failures: list[Outcome] = []

    def progress(self, done: float, total: float) -> None:
        """Show the seconds of audio done, of `total`."""
        speed = done / max(1e-6, time.perf_counter() - self._start)
        ended = self._counts.total()
        note = f"{ended} of {self._songs} songs, {speed:.1f} x real time"
        self._bar.update("separating", done, total, note)

    def show(self, outcome: Outcome) -> None:
        """Count one song, and say so."""
        self._counts[outcome.result] += 1
        name = self._name(outcome.source)
        number = f"[{self._counts.total()}/{self._songs}]"
        if outcome.error:
            self._failures.append(outcome)
            self._bar.print(f"{number} error: {outcome.error}", error=True)
        elif outcome.result == "separated":
            self._separated += outcome.seconds
            speed = outcome.seconds / outcome.elapsed
            how = f"({outcome.seconds:.1f} s at {speed:.1f} x real time)"
            self._bar.print(f"{number} {name}  {how}")
        elif outcome.result == "copied":
            self._bar.print(f"{number} {name}  (copied from equal audio)")
        for note in outcome.notes:
            self._bar.print(f"note: {name}: {note}", error=True)

    def interrupted(self) -> None:
        """Say what a second run would find."""
        self._bar.print(
            f"interrupted after {self._counts.total()} of {self._songs} songs; "
            "the same command goes on from here",
            error=True,
        )

    def summary(self) -> int:
        """Print the sums and the failures; the exit code."""
        elapsed = max(1e-6, time.perf_counter() - self._start)
        speed = f" at {self._separated / elapsed:.1f} x real time" if self._separated else ""
        click.echo(
            f"{self._songs} songs: {self._counts['separated']} separated "
            f"({self._separated / 60:.1f} min{speed}), {self._counts['copied']} copied, "
            f"{self._counts['kept']} done before, {len(self._failures)} failed"
        )
        for outcome in self._failures:
            click.echo(printable(f"error: {outcome.error}"), err=True)
        untried = self._songs - self._counts.total()
        if untried:
            click.echo(f"error: stopped there, {untried} songs were not tried", err=True)
        return max((outcome.exit_code for outcome in self._failures), default=0)

    def _name(self, source: Path) -> Path:
        return source.relative_to(self._library)
