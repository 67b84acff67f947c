"""What the host says of its buffering is believed only where a device could have so much."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rtstem.io.device import DeviceStream

RATE = 48000


@pytest.mark.parametrize(
    ("reported", "frames"),
    [
        ((256 / RATE, 512 / RATE), 768),
        (512 / RATE, 512),  # output only
        ((256 / RATE, 2**33 / RATE), 256),
        ((2**33 / RATE, 2**33 / RATE), 0),
        ((-1.0, 512 / RATE), 512),
        ((float("nan"), 512 / RATE), 512),
    ],
)
def test_only_what_can_be_is_counted(reported, frames):
    stream = DeviceStream.__new__(DeviceStream)
    stream._stream = SimpleNamespace(latency=reported, samplerate=float(RATE))
    assert stream.latency_frames == frames
