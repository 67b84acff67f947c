"""Faults of the model, the inference thread and the disk, on the virtual device."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from rtstem.control.recorder import Recorder
from rtstem.engine import Engine
from rtstem.rt import board as b

from .outcome import Outcome
from .show import RATE, TAIL_SECONDS, Show

LATE_AGAIN = "stems are in time again"
LATE = "stems come too late: the model is too slow"


def stalled(seconds: float, length: float) -> object:
    """A fault: each hop that begins within `length` seconds takes `seconds` longer."""

    def fault(engine: Engine) -> None:
        engine._board.header[b.STALL_NS] = int(seconds * 1e9)
        time.sleep(length)
        engine._board.header[b.STALL_NS] = 0

    return fault


def stall(folder: Path) -> Outcome:
    """one hop of the model takes 0.2 s"""
    show = Show(folder)
    outcome = show.play(stalled(0.2, 0.015))
    outcome.demand(show.counts.late_hops > 0, "no hop was counted as late")
    outcome.demand(show.counts.concealed_blocks > 0, "no block had held stems")
    return _bridged(outcome, [LATE_AGAIN])


def hang(folder: Path) -> Outcome:
    """one hop of the model takes 1.5 s: longer than masks are held"""
    show = Show(folder, 1.5)
    outcome = show.play(stalled(1.5, 0.015))
    dry = outcome.without_ms
    outcome.demand(700 < dry < 1300, f"{dry:.0f} ms were dry of 1.5 s with masks held for 0.5 s")
    outcome.demand_messages([LATE, LATE_AGAIN])
    return outcome


def _bridged(outcome: Outcome, messages: list[str]) -> Outcome:
    """Demand that the muted stem stayed away all the time."""
    outcome.demand(outcome.without_ms == 0, "the dry signal was heard instead of held stems")
    outcome.demand_messages(messages)
    return outcome


def stalls(folder: Path) -> Outcome:
    """a second of hops that take 0.1 s each"""
    show = Show(folder, 1.0)
    outcome = show.play(stalled(0.1, 1.0))
    late = show.counts.late_hops + show.counts.held_hops
    outcome.demand(late > 20, "too few hops were counted as late or held")
    return _bridged(outcome, [LATE, LATE_AGAIN])


def slow(folder: Path) -> Outcome:
    """a model at half load becomes three times slower, for 2 s"""
    show = Show(folder, 2.0)
    outcome = show.play(stalled(1.5 * 512 / RATE, 2.0))
    late = show.counts.late_hops + show.counts.held_hops
    outcome.demand(late > 20, "too few hops were counted as late or held")
    return _bridged(outcome, [LATE, LATE_AGAIN])


def model_error(folder: Path) -> Outcome:
    """ONNX Runtime refuses the hops of half a second"""
    return _failing(folder, "error", "the model fails, playing without it: ")


def model_nan(folder: Path) -> Outcome:
    """the model gives NaN for half a second"""
    return _failing(folder, "nan", "the model gave values that are not finite")


def _failing(folder: Path, failure: str, said: str) -> Outcome:
    show = Show(folder, 0.5, failure=failure, loud=(1.0, 1.5))
    outcome = show.play(lambda engine: time.sleep(0.5))
    faults = show.counts.model_faults
    outcome.demand(10 <= faults <= 50, f"{faults} faults were counted in 43 hops")
    outcome.demand_messages([said, f"the model works again; it failed in {faults} hops"])
    return outcome


def thread_killed(folder: Path) -> Outcome:
    """the inference thread is killed"""

    def kill(engine: Engine) -> None:
        thread = ctypes.c_ulong(engine._inference._thread.ident or 0)
        if ctypes.CDLL(None).pthread_cancel(thread):
            raise OSError("the thread cannot be killed")

    show = Show(folder)
    outcome = show.play(kill)
    said = ["the inference thread was lost; a new one has taken over", LATE_AGAIN]
    outcome.demand_messages(said[: len(outcome.messages)] or said)  # it may be in time
    outcome.demand(show.counts.hops > 300, "the new thread does nothing")
    return outcome


def disk_full(folder: Path) -> Outcome:
    """the disk is full while recording"""
    import resource

    reports = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(engine: Engine) -> None:
        recorder = Recorder(engine, folder / "take", on_notice=engine.tell)
        recorder.start()
        while not recorder.frames:  # it compiles its part once on a new machine
            time.sleep(0.02)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))  # bytes a file
        time.sleep(TAIL_SECONDS / 2)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        reports.append(recorder.stop())

    show = Show(folder, TAIL_SECONDS / 2)
    try:
        outcome = show.play(fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    outcome.demand(reports[0].error == "File too large", "the recorder did not notice")
    outcome.demand(reports[0].frames > 20_000, "nothing was recorded before")
    outcome.demand_messages(["recording stopped, File too large; the audio goes on"])
    return outcome
