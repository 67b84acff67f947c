"""All faders up: what leaves the sound server is what came in, bit for bit, as late as declared."""

from __future__ import annotations

import numpy as np
import pytest
from engineprocess import EngineProcess, system_config
from exactness import STALLED, compare, excused_frames, find_latency
from jackbench import Rig, settled

from tests.models import DEFAULT_GAINS, STEMS


def prove_unity(server, model, seconds):
    """Stream for `seconds` and assert exactness and latency."""
    with EngineProcess(server, system_config(model)) as engine, Rig(server, seconds + 8) as rig:
        rig.attach()
        start = settled(rig)
        end = rig.sleep(seconds)
        snapshot = engine.ask("snapshot")
    assert engine.hello["rate"] == server.rate
    match = compare(rig, engine.hello["latency"], start, end)
    assert match.bad == 0, match
    assert snapshot["model_faults"] == 0
    if match.excused > match.checked / 4:
        pytest.skip(STALLED)
    assert find_latency(rig, start, end) == engine.hello["latency"]
    assert snapshot["hops"] > 0.8 * seconds * server.rate / engine.hello["hop"], "no model ran"


def test_unity_is_the_input_at_the_declared_latency(start_jack):
    prove_unity(start_jack(48000, 256), "live", 10.0)


@pytest.mark.parametrize(("rate", "period"), [(44100, 256), (44100, 128), (48000, 64)])
def test_unity_at_other_rates_and_periods(start_jack, tiny, rate, period):
    prove_unity(start_jack(rate, period), tiny, 3.0)


def test_every_bus_is_aligned_and_on_its_own_channels(start_jack, tiny):
    server = start_jack(48000, 256)
    buses = {
        "main": {"channels": [9, 10], "gains": "desk"},
        "copy": {"channels": [4, 3], "gains": dict.fromkeys(STEMS, 1.0)},
        "vocals": {"channels": [5, 6], "gains": {"vocals": 1.0}},
        "rest": {"channels": [7, 8], "gains": dict.fromkeys(STEMS[1:], 1.0)},
    }
    config = system_config(tiny, buses=buses)
    with EngineProcess(server, config) as engine, Rig(server, 12, outputs=10) as rig:
        rig.attach()
        start = settled(rig)
        before = engine.ask("snapshot")
        end = rig.sleep(2.0)
        after = engine.ask("snapshot")
    latency = engine.hello["latency"]
    dry = rig.played[:, start - latency : end - latency]
    clean = ~excused_frames(rig, latency, start, end)
    out, dry = rig.recorded[:, start:end][:, clean], dry[:, clean]
    assert np.array_equal(out[8:10], dry), "main"
    assert np.array_equal(out[3:1:-1], dry), "copy, with left and right exchanged"
    assert not out[:2].any(), "a channel that belongs to no bus must be silent"
    if before["missed_blocks"] == after["missed_blocks"]:
        vocals = DEFAULT_GAINS[0]
        assert np.abs(out[4:6] - vocals * dry).max() < 1e-6
        assert np.abs(out[6:8] - (1 - vocals) * dry).max() < 1e-6
    if clean.mean() < 0.75:
        pytest.skip(STALLED)
