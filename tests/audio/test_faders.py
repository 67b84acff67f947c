"""A fader that moves is heard in the next device block."""

from __future__ import annotations

import numpy as np
import pytest
from engineprocess import EngineProcess, system_config
from jackbench import Rig, settled

TRIALS = 12
CLOCK_SLACK = 0.001  # s; JACK's frame clock is an estimate between the cycles


def first_change(rig: Rig, latency: int, near: int, reach: int) -> int | None:
    """The first frame in [near - reach, near + reach) of output 1 that is not the delayed input."""
    first, last = near - reach, near + reach
    heard = rig.recorded[0, first:last]
    differs = heard != rig.played[0, first - latency : last - latency]
    if np.isnan(heard).any() or not differs.any() or differs[:reach].all():
        return None
    return first + int(np.argmax(differs))


@pytest.mark.parametrize("period", [256, 64])
def test_fader_is_heard_within_one_block(start_jack, tiny, period):
    server = start_jack(48000, period)
    moves: list[tuple[int, int]] = []
    with EngineProcess(server, system_config(tiny)) as engine, Rig(server, 14) as rig:
        rig.attach()
        settled(rig)
        for _ in range(TRIALS):
            rig.sleep(0.13)
            reply = engine.ask("set", stem="vocals", value=0.0)
            moves.append((rig.frame_at(reply["before"]), rig.frame_at(reply["after"])))
            rig.sleep(0.13)
            engine.ask("set", stem="vocals", value=1.0)
        rig.sleep(0.2)
    latency, slack = engine.hello["latency"], CLOCK_SLACK * server.rate
    heard = [first_change(rig, latency, after, 8 * period) for _, after in moves]
    seen = [(frame, move) for frame, move in zip(heard, moves, strict=True) if frame is not None]
    assert len(seen) >= TRIALS / 2, f"too few fader moves were heard: {heard}"
    waits = [frame - after for frame, (_, after) in seen]
    assert max(waits) <= period + slack, waits
    assert min(frame - before for frame, (before, _) in seen) > -slack - period
    assert np.median([frame - before for frame, (before, _) in seen]) <= period + slack
