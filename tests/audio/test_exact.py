"""All faders up: what leaves the sound server is what came in, bit for bit, as late as declared."""

from __future__ import annotations

import numpy as np
import pytest
from engineprocess import EngineProcess, system_config
from jackbench import Rig, compare, find_latency, settled

STEMS = ("vocals", "drums", "bass", "other")


@pytest.mark.parametrize(
    ("rate", "period", "seconds"),
    [(48000, 256, 10.0), (44100, 256, 3.0), (44100, 128, 3.0), (48000, 64, 3.0)],
)
def test_unity_is_the_input_at_the_declared_latency(start_jack, rate, period, seconds):
    server = start_jack(rate, period)
    with EngineProcess(server, system_config()) as engine, Rig(server, seconds + 8) as rig:
        assert engine.hello["rate"] == rate
        rig.attach()
        start = settled(rig)
        end = rig.sleep(seconds)
        snapshot = engine.ask("snapshot")
    latency = find_latency(rig.played[0], rig.recorded[0], start)
    assert latency == engine.hello["latency"]
    match = compare(rig, latency, start, end)
    assert match.bad == 0, match
    assert match.excused < match.checked / 4, "the machine stalled too often to prove anything"
    assert snapshot["hops"] > 0.8 * seconds * rate / engine.hello["hop"], "the model did not run"
    assert np.abs(rig.recorded[:, start:end]).max() > 0.1


def test_other_buses_are_aligned_and_on_their_own_channels(start_jack):
    server = start_jack(48000, 256)
    buses = {
        "main": {"channels": [9, 10], "gains": "desk"},
        "copy": {"channels": [4, 3], "gains": dict.fromkeys(STEMS, 1.0)},
        "vocals": {"channels": [5, 6], "gains": {"vocals": 1.0}},
        "rest": {"channels": [7, 8], "gains": dict.fromkeys(STEMS[1:], 1.0)},
    }
    with (
        EngineProcess(server, system_config(buses=buses)) as engine,
        Rig(server, 12, outputs=10) as rig,
    ):
        rig.attach()
        start = settled(rig)
        before = engine.ask("snapshot")
        end = rig.sleep(2.0)
        after = engine.ask("snapshot")
    latency = engine.hello["latency"]
    dry = rig.played[:, start - latency : end - latency]
    out = rig.recorded[:, start:end]
    whole = ~np.isnan(out).any(axis=0)
    same = {
        "main": np.stack([out[8], out[9]]),
        "copy": np.stack([out[3], out[2]]),
    }
    if rig.skipped == 0:
        for name, heard in same.items():
            assert np.array_equal(heard, dry), name
    assert not out[:2, whole].any(), "a channel that belongs to no bus must be silent"
    if rig.skipped == 0 and before["missed_blocks"] == after["missed_blocks"]:
        parts = out[4:6] + out[6:8]
        assert np.abs(parts - dry).max() < 1e-6
        assert np.abs(out[4:6]).max() > 1e-4, "the vocals bus is silent"
        assert np.abs(out[4:6] - dry).max() > 1e-4, "the vocals bus plays everything"
