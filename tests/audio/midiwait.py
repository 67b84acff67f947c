"""When the output of the engine changed after a MIDI message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from exactness import excused_frames

if TYPE_CHECKING:
    from jackbench import Rig

_BEFORE, _AFTER = 512, 2400


def first_change(rig: Rig, latency: int, sent: int) -> int | None:
    """Frames from the cycle that carried the message, JACK frame `sent`, to the first change.

    All faders are at unity before, so that the output is the input `latency` frames ago. None
    where the server lost cycles nearby.
    """
    at = (sent - rig._base) & 0xFFFFFFFF
    first, last = at - _BEFORE, at + _AFTER
    differs = rig.recorded[0, first:last] != rig.played[0, first - latency : last - latency]
    if excused_frames(rig, latency, first - latency, last).any() or not differs.any():
        return None
    return int(np.argmax(differs)) - _BEFORE
