"""The signals that end a program, made to end it as Ctrl-C does: with all of its cleaning up."""

from __future__ import annotations

import signal
from types import FrameType


def end_like_ctrl_c() -> None:
    """Let SIGTERM and a hang-up raise KeyboardInterrupt, once; what is ignored (nohup) stays so.

    For the main thread of a process.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not break the cleaning up
    raise KeyboardInterrupt
