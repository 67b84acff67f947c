"""What the MIDI threads have to say, and failures in them that nobody else would hear of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

_REPEAT_SECONDS = 10.0


class Notices:
    """Passes lines on, but none twice within ten seconds; any thread may call it.

    `tell` passes on what is worth telling each time.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self._told: dict[str, float] = {}

    def __call__(self, line: str) -> None:
        """Tell the user this line."""
        now = time.monotonic()
        if now - self._told.get(line, now - _REPEAT_SECONDS) >= _REPEAT_SECONDS:
            self._told[line] = now
            self.tell(line)

    def guard(self, work: Callable[..., Any], *arguments: Any) -> bool:
        """Do it and give True; whatever is raised becomes a notice."""
        try:
            work(*arguments)
        except Exception as error:
            self(f"MIDI: {error or type(error).__name__}")
            return False
        return True
