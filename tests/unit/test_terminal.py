"""The live screen: keys, bars, lines, loop and terminal, without an engine."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from rtstem.control.bars import ASCII, UNICODE, decibels, fader, meter
from rtstem.control.desk import Desk
from rtstem.control.keymap import FADER_KEYS, SOLO_KEYS, STEP, KeyDesk
from rtstem.control.keys import NoKeys, PipeKeys, decode, open_keys
from rtstem.control.screen import Picture, View, draw, status_line
from rtstem.control.telemetry import Clocks, Percentiles, Snapshot
from rtstem.control.terminal import LiveView, StopSignals, live_facts, run_log, run_screen
from rtstem.errors import EngineError
from rtstem.latency import Latency

STEMS = ("vocals", "drums", "bass", "other")
TIMES = Percentiles(1310.0, 2200.0, 2900.0, 3010.0, 1000)


def snapshot(**values: Any) -> Snapshot:
    facts: dict[str, Any] = {
        "running": True,
        "seconds": 83.0,
        "callback_us": TIMES,
        "hop_us": TIMES,
        "load": 0.11,
        **dict.fromkeys(("blocks", "hops", "late_hops", "missed_blocks", "deadline_misses"), 0),
        **dict.fromkeys(("held_hops", "concealed_blocks"), 0),
        **dict.fromkeys(("xruns", "nonfinite", "model_faults", "input_underflows"), 0),
        "sink_overflows": 0,
        "input_peak": (0.5, 0.25),
        "bus_peaks": {"main": (0.5, 2.0)},
        "stem_peaks": dict.fromkeys(STEMS, 0.1),
        "latency_ms": 30.5,
    }
    return Snapshot(**facts | values)


def desk(**presets: dict[str, float]) -> Desk:
    return Desk(STEMS, presets, lambda gains: None)


class FakeEngine:
    """What the screen asks of an engine; ends after `pictures` snapshots."""

    def __init__(self, pictures: int = 1000, error: EngineError | None = None) -> None:
        self.desk, self.error, self.notice = desk(soft={"vocals": 0.5}), error, ""
        self.latency = Latency(44100, 256, 1024, 0, 256)
        self.config: Any = SimpleNamespace(presets={"soft": {"vocals": 0.5}})
        self.route = ("USB Audio", "virtual")
        self.spec: Any = SimpleNamespace(name="tiny", hop=512)
        self.rate, self.provider, self.realtime = 44100, "CPUExecutionProvider", "SCHED_FIFO 60"
        self.sizing = ""
        self.left, self.values = pictures, dict[str, Any]()

    def snapshot(self) -> Snapshot:
        self.left -= 1
        return snapshot(**self.values)

    def wait(self, timeout: float | None = None) -> bool:
        return self.left <= 0


class Script(NoKeys):
    """Keys from a list, one a read, without waiting."""

    def __init__(self, *keys: str) -> None:
        self._keys = list(keys)

    def read(self, timeout: float) -> list[str]:
        return [self._keys.pop(0)] if self._keys else []


# -- keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("1q!", ["1", "q", "!"]),
        ("\x1b", ["esc"]),
        ("\x1b[A\x1bOB", ["up", "down"]),
        ("\x1b[1;5A\x1b[15~x", ["x"]),
        ("\x1bx", []),
        (" \r\x03\x04", ["space", "enter", "quit", "eof"]),
        ("\x01\x7fé", ["é"]),
    ],
)
def test_terminal_input_becomes_keys(text: str, keys: list[str]) -> None:
    assert decode(text) == keys


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def test_pipe_gives_keys_then_eof(pipe: tuple[int, int]) -> None:
    keys = open_keys(pipe[0])
    assert isinstance(keys, PipeKeys)
    assert keys.read(0.0) == []
    os.write(pipe[1], b"1v")
    assert keys.read(1.0) == ["1", "v"]
    os.close(pipe[1])
    assert keys.read(1.0) == ["eof"]


def test_bytes_that_are_no_text_are_no_end_of_the_pipe(pipe: tuple[int, int]) -> None:
    keys = PipeKeys(pipe[0])
    os.write(pipe[1], b"\xe4")  # a letter of an old terminal
    assert keys.read(1.0) == []
    os.write(pipe[1], b"\xffq")
    assert keys.read(1.0) == ["q"]


def test_a_sequence_that_comes_in_two_parts_is_no_escape(pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"\x1b")
    keys = PipeKeys(pipe[0])
    original = keys._ready

    def ready(timeout: float) -> bool:
        if timeout and timeout < 0.1:
            os.write(pipe[1], b"[A")
        return original(timeout)

    keys._ready = ready  # type: ignore[method-assign]
    assert keys.read(1.0) == ["up"]


def test_null_device_has_no_keys_and_no_end() -> None:
    with open(os.devnull) as null, open_keys(null.fileno()) as keys:
        assert type(keys) is NoKeys
        start = time.monotonic()
        assert keys.read(0.05) == []
        assert time.monotonic() - start >= 0.05


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_terminal_is_raw_inside_and_restored_after() -> None:
    import pty
    import termios

    from rtstem.control.keys import TerminalKeys

    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with TerminalKeys(slave) as keys:
        during = termios.tcgetattr(slave)
        assert not during[3] & (termios.ICANON | termios.ECHO)
        assert during[3] & termios.ISIG, "Ctrl-C must stay a signal"
        os.write(master, b"q\x1b[C")
        assert keys.read(30.0) == ["q", "right"]
    assert termios.tcgetattr(slave) == before
    os.close(master)
    assert TerminalKeys(slave).read(0.1) in ([], ["eof"])
    os.close(slave)


# -- key map


def test_stem_keys_mute_solo_and_move() -> None:
    keys = KeyDesk(desk())
    for index, stem in enumerate(STEMS):
        up, down = FADER_KEYS[index]
        assert keys.press(str(index + 1)) == f"{stem} muted"
        assert keys.desk.state().muted == {stem}
        assert keys.press(str(index + 1)) == f"{stem} on"
        for solo in SOLO_KEYS[index]:
            assert keys.press(solo) == f"{stem} solo"
            assert keys.press(solo) == f"{stem} solo off"
        keys.press(down)
        assert keys.desk.get(stem) == pytest.approx(1 - STEP)
        keys.press(up.upper())
        assert keys.desk.get(stem) == 1.0
        keys.press(up)
        assert keys.desk.get(stem) == 1.0, "a fader stops at its end"
    assert keys.desk.state().muted == keys.desk.state().soloed == frozenset()


def test_a_fader_comes_back_to_exactly_unity() -> None:
    """Anything else would be a mix that is no longer the input bit for bit."""
    keys = KeyDesk(desk())
    for steps in range(1, 21):
        for _ in range(steps):
            keys.press("a")
        if steps == 20:
            assert keys.desk.get("vocals") == 0.0
        for _ in range(steps):
            keys.press("q")
        assert keys.desk.get("vocals") == 1.0


def test_common_keys() -> None:
    keys = KeyDesk(desk(soft={"vocals": 0.5}), ["soft"])
    state = keys.desk.state
    keys.press("v")
    assert state().muted == {"vocals"}
    keys.press("0")
    assert not state().muted
    keys.press("i")
    assert state().preset == "instrumental"
    keys.press("i")
    assert set(state().gains.values()) == {1.0}, "the same key again takes it back"
    keys.press("k")
    assert state().preset == "acapella"
    keys.press("b")
    assert state().bypass
    keys.press("z")
    assert state().faders["vocals"] == 0.5
    keys.press("-")
    assert state().master == pytest.approx(1 - STEP)
    assert keys.press("?") == keys.press("~") == ""


def test_arrows_move_the_chosen_stem() -> None:
    keys = KeyDesk(desk())
    for key in ("right", "right", "down", "space"):
        keys.press(key)
    assert keys.desk.get("bass") == pytest.approx(1 - STEP)
    assert keys.desk.state().muted == {"bass"}
    keys.press("left")
    keys.press("left")
    assert "other" in keys.press("left")


def test_undo_takes_the_last_change_back_and_brings_it_again() -> None:
    keys = KeyDesk(desk())
    assert keys.press("u") == "nothing to undo"
    keys.press("1")
    keys.press("b")
    assert keys.press("u") == "undone"
    assert (keys.desk.state().bypass, keys.desk.state().muted) == (False, {"vocals"})
    keys.press("U")
    assert keys.desk.state().bypass


def test_a_model_without_vocals_says_so() -> None:
    keys = KeyDesk(Desk(("drums", "rest"), {}, lambda gains: None))
    assert keys.press("v") == "this model has no vocals"
    assert "instrumental" in keys.press("i")


def test_help_names_every_key_once() -> None:
    shown = [keys for keys, _ in KeyDesk(desk()).help()]
    assert len(set(shown)) == len(shown)
    assert {"1", "q / a", "Shift-4", "v", "i", "k", "0", "u", "b", "?", "Esc, Ctrl-C"} <= set(shown)


# -- bars and lines


def cells(line: list[tuple[str, str]]) -> str:
    return "".join(text for text, _ in line)


def test_meter_is_empty_at_silence_and_full_at_full_scale() -> None:
    assert cells(meter(0.0, 20)) == UNICODE.empty * 20
    assert cells(meter(1.0, 20)) == cells(meter(5.0, 20)) == UNICODE.full * 20
    assert cells(meter(10 ** (-30 / 20), 20, ASCII)) == "#" * 10 + "." * 10
    assert [style for _, style in meter(1.0, 20)][:3] == ["green", "yellow", "red"]
    assert [style for _, style in meter(10 ** (-30 / 20), 20)] == ["green", "dim"]


@pytest.mark.parametrize(
    "peak", [0.0, 1e-9, 1e-3, 0.02, 0.2, 0.24, 0.26, 0.7, 0.72, 0.99, 1.0, 9.0]
)
@pytest.mark.parametrize("width", [1, 8, 33])
def test_meter_has_its_width_at_every_level(peak: float, width: int) -> None:
    assert len(cells(meter(peak, width))) == width


def test_fader_and_levels() -> None:
    assert cells(fader(0.0, 5, True, ASCII)) == "O----"
    assert cells(fader(1.0, 5, True, ASCII)) == "====O"
    assert decibels(0.0) == -60.0
    assert decibels(1.0) == 0.0


def view(**values: Any) -> View:
    facts = [("rtstem x on CPU", "44100 Hz "), ("in > out", "latency 30.5 ms ")]
    parts: dict[str, Any] = {
        "facts": facts,
        "period_ms": 11.6,
        "snapshot": snapshot(),
        "desk": desk().state(),
        "fader_keys": [f"{up}/{down}" for up, down in FADER_KEYS],
    }
    return View(**parts | values)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("height", [10, 16, 24, 60])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_picture_fits_the_terminal(width: int, height: int, glyphs: Any) -> None:
    rows = KeyDesk(desk()).help()
    for help_rows in ((), rows):
        lines = draw(view(help=help_rows, glyphs=glyphs), width, height)
        assert len(lines) <= height
        assert max(len(cells(line)) for line in lines) < width


def test_picture_says_what_matters() -> None:
    moved = desk()
    moved.mute("drums")
    moved.solo("bass")
    moved.master(0.5)
    text = "\n".join(map(cells, draw(view(desk=moved.state(), message="hello"), 80)))
    for part in ("latency 30.5 ms", "1:23", " 11%", "xruns 0", "late hops 0", "hello", "MUTE"):
        assert part in text
    for part in ("SOLO", "master", "-20.0", "q/a", "1310", "3.01", "Esc quit", "+6.0 dB"[1:]):
        assert part in text


def test_marks_are_there_only_where_they_are_true() -> None:
    moved = desk()
    moved.mute("drums")
    marked = [
        (text.strip(), "drums" in cells(line))
        for line in draw(view(desk=moved.state()), 80)
        for text, style in line
        if " on " in style
    ]
    assert marked == [("MUTE", True)]


def test_counters_that_moved_are_red_and_rare_ones_appear() -> None:
    lines = draw(view(snapshot=snapshot(xruns=3, nonfinite=7)), 100)
    line = next(line for line in lines if "xruns" in cells(line))
    assert ("3", "bold red") in line
    assert ("7", "bold red") in line
    assert ("0", "green") in line


def test_the_drift_between_two_clocks_is_shown() -> None:
    clocks = Clocks(ppm=-41.7, ring_ms=12.25, resyncs=2, xruns=1, nonfinite=0)
    lines = draw(view(snapshot=snapshot(clocks=clocks)), 100)
    whole = "\n".join(map(cells, lines))
    assert "clock -42 ppm, ring 12.2 ms" in whole
    assert "resyncs 2" in whole
    assert "clock -42 ppm" in status_line(snapshot(clocks=clocks), desk().state())
    assert "ppm" not in "".join(map(cells, draw(view(), 100)))


def test_status_line_is_one_line_with_the_gains_that_moved() -> None:
    state = desk()
    assert "gains" not in status_line(snapshot(), state.state())
    state.set("vocals", 0.0)
    line = status_line(snapshot(), state.state())
    assert "\n" not in line
    assert "vocals 0.00" in line
    assert "load 11%" in line


# -- the loop


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24)


def test_screen_ends_by_key_and_shows_what_was_pressed() -> None:
    engine = FakeEngine()
    console = terminal()
    last = run_screen(engine, Script("1", "?", "esc"), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert engine.desk.state().muted == {"vocals"}
    assert "vocals muted" in text
    assert "show or hide this list" in text
    assert text.endswith("\x1b[?25h\x1b[?1049l"), "cursor and screen must be back"
    assert last.desk.muted == {"vocals"}


@pytest.mark.parametrize("run", ["screen", "log"])
def test_loop_ends_with_the_stream_and_with_the_time(run: str) -> None:
    lines: list[str] = []

    def go(engine: FakeEngine, seconds: float | None = None) -> None:
        if run == "screen":
            run_screen(engine, Script(), terminal(), seconds)
        else:
            run_log(engine, NoKeys(), lines.append, seconds)

    go(FakeEngine(pictures=1))
    start, engine = time.monotonic(), FakeEngine(pictures=10_000)
    go(engine, 0.3)
    assert 0.3 <= time.monotonic() - start < 30
    assert engine.left > 0, "the stream goes on"
    assert run == "screen" or "SCHED_FIFO" in "".join(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_loop_quietly(number: signal.Signals) -> None:
    class Kill(NoKeys):
        def read(self, timeout: float) -> list[str]:
            os.kill(os.getpid(), number)
            return []

    before = signal.getsignal(number)
    run_screen(FakeEngine(), Kill(), terminal())
    assert signal.getsignal(number) is before


def test_second_interrupt_acts_as_usual() -> None:
    with StopSignals() as signals:
        signal.raise_signal(signal.SIGINT)
        assert signals.stopped
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_facts_name_route_and_delays() -> None:
    engine = FakeEngine()
    engine.latency = Latency(44100, 256, 1024, 0, 256, device=441)
    assert live_facts(engine)[1:] == [
        ("USB Audio > virtual", "latency 30.5 ms "),
        ("SCHED_FIFO 60", "and the device's 10.0 ms "),
    ]


def test_log_writes_status_and_what_keys_did() -> None:
    lines: list[str] = []
    run_log(FakeEngine(), Script("v", "eof"), lines.append)
    assert any(line.startswith("1:23  load 11%") for line in lines)
    assert "vocals muted" in lines


def test_counter_that_moves_and_notice_become_the_message() -> None:
    engine = FakeEngine()
    live = LiveView(engine)
    assert live.view().message == ""
    engine.notice = "the model fails"
    assert live.view().message == "the model fails"
    engine.values = {"xruns": 2}
    assert live.view().message.endswith("xruns")


def test_picture_is_cheap() -> None:
    """12 pictures a second in at most 3 % of a core: 2.5 ms each; counted here with room to spare."""
    console = terminal()
    picture = Picture(view())
    console.print(picture)
    times = []
    for _ in range(20):
        start = time.thread_time()
        console.print(picture)
        times.append(time.thread_time() - start)
    assert statistics.median(times) < 0.0075
