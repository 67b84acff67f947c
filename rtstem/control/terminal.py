"""The live screen: keys in, picture out, until the user, a signal, a time or the stream ends it.

Without a terminal the same loop writes a status line every few seconds, for logs.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

from .. import __version__
from .bars import ASCII, UNICODE
from .desk import Desk
from .keymap import FADER_KEYS, HELP_KEY, QUIT_KEYS, KeyDesk
from .keys import NoKeys
from .screen import Picture, View, counters, status_line

if TYPE_CHECKING:
    from rich.console import Console

    from ..config import Config
    from ..errors import RtstemError
    from ..latency import Latency
    from ..model_spec import ModelSpec
    from .telemetry import Snapshot

FRAME_SECONDS = 1 / 12
STATUS_SECONDS = 5.0
POLL_SECONDS = 0.2
MESSAGE_SECONDS = 6.0
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class LiveEngine(Protocol):
    """What the screen needs of `rtstem.Engine`."""

    desk: Desk

    @property
    def latency(self) -> Latency: ...

    @property
    def error(self) -> RtstemError | None: ...

    @property
    def notice(self) -> str: ...

    @property
    def config(self) -> Config: ...

    @property
    def spec(self) -> ModelSpec: ...

    @property
    def rate(self) -> int: ...

    @property
    def route(self) -> tuple[str, str]: ...

    @property
    def provider(self) -> str: ...

    @property
    def realtime(self) -> str: ...

    @property
    def sizing(self) -> str: ...

    def snapshot(self) -> Snapshot: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class StopSignals:
    """Turns the first Ctrl-C, SIGTERM or hang-up into `stopped`; the second one acts as usual."""

    def __init__(self) -> None:
        self.stopped = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number is not None:
                self._before[number] = signal.signal(number, self._stop)
        return self

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.stopped = True
        signal.signal(number, self._before[number])

    def __exit__(self, *_exc: object) -> None:
        """Put the handlers back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


class LiveView:
    """Builds the `View` of an engine, with the last message and what the keys chose."""

    def __init__(self, engine: LiveEngine, ascii_only: bool = False) -> None:
        self.keys = KeyDesk(engine.desk, tuple(engine.config.presets))
        self._engine = engine
        self._glyphs = ASCII if ascii_only else UNICODE
        self._message, self._message_until = "", 0.0
        self._help = False
        self._counts: dict[str, int] = {}

    def press(self, keys: Sequence[str]) -> bool:
        """Do what the keys say; True when one of them means to quit."""
        for key in keys:
            if key in QUIT_KEYS:
                return True
            if key == HELP_KEY:
                self._help = not self._help
            else:
                self._say(self.keys.press(key))
        return False

    def view(self) -> View:
        """The picture to draw now."""
        snapshot = self._engine.snapshot()
        self._notice(snapshot)
        return View(
            facts=live_facts(self._engine),
            period_ms=1000 * self._engine.spec.hop / self._engine.rate,
            snapshot=snapshot,
            desk=self._engine.desk.state(),
            selected=self.keys.selected,
            message=self._message
            if time.monotonic() < self._message_until
            else self._engine.notice,
            help=self.keys.help() if self._help else (),
            fader_keys=[f"{up}/{down}" for up, down in FADER_KEYS],
            glyphs=self._glyphs,
        )

    @property
    def message(self) -> str:
        """What happened in the last seconds, else what the engine wants known."""
        return self._message if time.monotonic() < self._message_until else self._engine.notice

    def _say(self, message: str) -> None:
        if message:
            self._message, self._message_until = message, time.monotonic() + MESSAGE_SECONDS

    def _notice(self, snapshot: Snapshot) -> None:
        """Tell when a counter that should stay still has moved."""
        counts = dict(counters(snapshot))
        moved = [name for name, count in counts.items() if count > self._counts.get(name, 0)]
        if moved:
            self._say(f"{time.strftime('%H:%M:%S')}  {', '.join(moved)}")
        self._counts = counts


def live_facts(engine: LiveEngine) -> list[tuple[str, str]]:
    """The head lines, left and right: what runs where, and what it costs in delay."""
    provider = engine.provider.removesuffix("ExecutionProvider")
    source, target = engine.route
    device_ms = 1000 * engine.latency.device / engine.rate
    return [
        (f"rtstem {__version__}  {engine.spec.name} on {provider}", f"{engine.rate} Hz "),
        (
            f"{source} > {target}",
            f"latency {engine.latency.ms:.1f} ms ",
        ),
        (engine.realtime, f"and the device's {device_ms:.1f} ms " if device_ms else ""),
        *([(engine.sizing, "")] if engine.sizing else []),
    ]


def run_screen(
    engine: LiveEngine, keys: NoKeys, console: Console, seconds: float | None = None
) -> View:
    """Show `engine` on a terminal until something ends it; returns the last picture.

    `keys` is entered already; `seconds` ends it by itself.
    """
    from rich.live import Live

    live_view = LiveView(engine, ascii_only=console.options.ascii_only)
    with Live(console=console, screen=True, auto_refresh=False) as live:

        def step() -> bool:
            live.update(Picture(live_view.view()), refresh=True)
            return live_view.press(keys.read(FRAME_SECONDS))

        _until_end(engine, step, seconds)
    return replace(live_view.view(), message="")


def run_log(
    engine: LiveEngine,
    keys: NoKeys,
    write: Callable[[str], None],
    seconds: float | None = None,
) -> View:
    """Write a status line now and then; keys may still come through a pipe. Else as run_screen."""
    live_view = LiveView(engine)
    for left, right in live_facts(engine):
        write(f"{left}  {right}".strip())
    due, told = time.monotonic(), ""

    def step() -> bool:
        nonlocal due, told
        if time.monotonic() >= due:
            write(status_line(engine.snapshot(), engine.desk.state()))
            due += STATUS_SECONDS
        quits = live_view.press(keys.read(POLL_SECONDS))
        message = live_view.message
        if message and message != told:
            write(message)
        told = message
        return quits

    _until_end(engine, step, seconds)
    return live_view.view()


def _until_end(engine: LiveEngine, step: Callable[[], bool], seconds: float | None) -> None:
    """Repeat `step` until it returns True, a signal comes, the time is up or the stream ends."""
    end = None if seconds is None else time.monotonic() + seconds
    with StopSignals() as signals:
        while not engine.wait(0):
            if step() or signals.stopped or (end is not None and time.monotonic() >= end):
                return


def summary(snapshot: Snapshot) -> str:
    """What to leave on the terminal when the screen has gone."""
    minutes, seconds = divmod(int(snapshot.seconds), 60)
    counts = ", ".join(f"{name} {count}" for name, count in counters(snapshot))
    return (
        f"played {minutes}:{seconds:02d}, load {snapshot.load:.0%}, "
        f"hop p99 {snapshot.hop_us.p99 / 1000:.2f} ms; {counts}"
    )
