"""A fader that moves is heard from the first frame of the next device block on."""

from __future__ import annotations

import numpy as np
import pytest
from engineprocess import EngineProcess, system_config
from exactness import STALLED, fader_delay, stalled
from jackbench import Rig, settled

TRIALS = 12


@pytest.mark.parametrize("period", [256, 64])
def test_fader_is_heard_in_the_next_block(start_jack, tiny, period):
    server = start_jack(48000, period)
    moves = []
    with EngineProcess(server, system_config(tiny)) as engine, Rig(server, 14) as rig:
        rig.attach()
        settled(rig)
        for _ in range(TRIALS):
            rig.sleep(0.13)
            moves.append(engine.ask("set", stem="vocals", value=0.0))
            rig.sleep(0.13)
            engine.ask("set", stem="vocals", value=1.0)
        rig.sleep(0.2)
    heard = [fader_delay(rig, engine.hello["latency"], move) for move in moves]
    found = [delay for delay in heard if delay is not None]
    for delay in found:
        assert delay.blocks <= 1, found
        assert delay.offset <= 1, "the ramp does not begin at the start of the block"
    if stalled(rig, len(found), TRIALS / 2):
        pytest.skip(STALLED)
    assert len(found) >= TRIALS / 2, f"too few fader moves were heard: {heard}"
    assert np.median([delay.earliest for delay in found]) >= 0, "heard before it was moved"
