"""Soft takeover: a fader moves nothing until it is where the desk already is, so nothing jumps."""

from __future__ import annotations

TOLERANCE = 1 / 64
"""How far apart control and desk may be and still count as together: two steps of 7 bits."""


def catches(previous: float | None, now: float, desk: float) -> bool:
    """Whether a control that came from `previous` to `now` may move the desk, which is at `desk`.

    All are values from 0 to 1; `previous` is None where it is not known (just plugged in). True
    when the control was at the desk's value, is there now, or has crossed it in between: between
    two messages of a fast sweep a fader jumps over any tolerance. Nothing is remembered here, so
    a value changed elsewhere, by the web page or a preset, has to be picked up again by itself.
    """
    if abs(now - desk) <= TOLERANCE:
        return True
    if previous is None:
        return False
    return abs(previous - desk) <= TOLERANCE or (previous - desk) * (now - desk) < 0
