"""A module of this package as a process of its own, which works until its standard input ends."""

from __future__ import annotations

import subprocess
import sys
import threading

from ..io.child import child_environment


class Child:
    """`python -m rtstem.load.MODULE ARGUMENTS...`, outside this program's Ctrl-C.

    It ends with this process, however that ends: its standard input does.
    """

    def __init__(self, module: str, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"rtstem.load.{module}", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=child_environment(),
            start_new_session=True,
        )

    def line(self) -> str:
        """The next line it prints; empty where it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def end(self) -> str:
        """Let it end; returns what else it has printed."""
        return self._process.communicate()[0]


def input_ended() -> threading.Event:
    """In the process itself: set when the parent lets it end."""
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended
