"""Raw keys from a terminal (POSIX and Windows) or a pipe, named so that the key map can be a table.

A key is its character, or one of the names "esc", "up", "down", "left", "right", "space", "enter",
"eof" (the pipe was closed), "quit" (Ctrl-C that came as a character, as Windows delivers it).
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from typing import Any

_NAMES = {
    "\x1b": "esc",
    " ": "space",
    "\r": "enter",
    "\n": "enter",
    "\x03": "quit",
    "\x04": "eof",
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "\x1bOA": "up",
    "\x1bOB": "down",
    "\x1bOC": "right",
    "\x1bOD": "left",
}
_WINDOWS_ARROWS = {"H": "up", "P": "down", "M": "right", "K": "left"}
# A control sequence, an SS3 key, Alt and a character, or one character.
_TOKEN = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1bO.|\x1b[^\x1b\[O]|.", re.DOTALL)
# The rest of an escape sequence can come late over a slow line; a lone Esc waits this long.
_SEQUENCE_SECONDS = 0.03


def decode(text: str) -> list[str]:
    """Return the key names in terminal input; unknown sequences and control codes are dropped."""
    keys = []
    for token in _TOKEN.findall(text):
        name = _NAMES.get(token, token)
        if len(name) > 1 and name.startswith("\x1b"):
            continue
        if len(name) > 1 or name.isprintable():
            keys.append(name)
    return keys


class NoKeys:
    """Where there is nothing to read from: waits, so that the caller's loop keeps its pace."""

    def __enter__(self) -> NoKeys:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Give back what was taken; nothing here."""

    def read(self, timeout: float) -> list[str]:
        """Wait up to `timeout` seconds for keys and return those there are."""
        time.sleep(timeout)
        return []


class PipeKeys(NoKeys):
    """Keys written to a pipe by another program; its closing is the key "eof"."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, timeout: float) -> list[str]:
        """Wait up to `timeout` seconds for keys and return those there are."""
        if not self._ready(timeout):
            return []
        data = self._take()
        if not data:
            return ["eof"]
        if data.endswith(b"\x1b") and self._ready(_SEQUENCE_SECONDS):
            data += self._take()
        return decode(data.decode("utf-8", "ignore"))

    def _ready(self, timeout: float) -> bool:
        import select

        return bool(select.select([self._descriptor], [], [], timeout)[0])

    def _take(self) -> bytes:
        try:
            return os.read(self._descriptor, 1024)
        except OSError:  # the terminal was closed
            return b""


if sys.platform == "win32":

    class TerminalKeys(NoKeys):
        """Keys of the Windows console."""

        def __init__(self, descriptor: int) -> None:
            self._descriptor = descriptor

        def read(self, timeout: float) -> list[str]:
            """Wait up to `timeout` seconds for keys and return those there are."""
            import msvcrt

            end = time.monotonic() + timeout
            while not msvcrt.kbhit():
                if time.monotonic() >= end:
                    return []
                time.sleep(0.01)
            character = msvcrt.getwch()
            if character in ("\x00", "\xe0"):
                name = _WINDOWS_ARROWS.get(msvcrt.getwch())
                return [name] if name else []
            return decode(character)

else:

    class TerminalKeys(PipeKeys):
        """Keys of a POSIX terminal, unbuffered and without echo until the context ends."""

        _saved: list[Any] | None = None

        def __enter__(self) -> TerminalKeys:
            import termios

            self._saved = termios.tcgetattr(self._descriptor)
            mode = termios.tcgetattr(self._descriptor)
            mode[3] &= ~(termios.ICANON | termios.ECHO)
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
            # Ctrl-Z would stop the sound and leave the screen half drawn.
            mode[6][termios.VSUSP] = os.fpathconf(self._descriptor, "PC_VDISABLE").to_bytes()
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)
            return self

        def __exit__(self, *_exc: object) -> None:
            """Put the terminal back as it was, dropping keys that nobody read."""
            import termios

            if self._saved is not None:
                termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._saved)
                self._saved = None


def open_keys(descriptor: int | None = None) -> NoKeys:
    """Return the reader that fits standard input: terminal, pipe, or none (/dev/null, a file).

    A job in the background of a shell gets none: touching the terminal would stop it.
    """
    try:
        descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        kind = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        return NoKeys()
    if os.isatty(descriptor):
        return TerminalKeys(descriptor) if _in_foreground(descriptor) else NoKeys()
    if sys.platform != "win32" and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        return PipeKeys(descriptor)
    return NoKeys()


def _in_foreground(descriptor: int) -> bool:
    """Whether this process may change the terminal."""
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
