"""What the user should know of a running engine, line by line."""

from __future__ import annotations

from collections import deque

from .errors import one_line


class Notices:
    """The lines that the user should know, the last 100 of them; any thread may add one."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=100)

    def tell(self, line: str) -> None:
        """Add a line, made printable; an empty one says nothing."""
        if line:
            self._lines.append(one_line(line))

    @property
    def last(self) -> str:
        """The newest line, empty without any."""
        return self._lines[-1] if self._lines else ""

    @property
    def lines(self) -> tuple[str, ...]:
        """All of them, the oldest first."""
        return tuple(self._lines)
