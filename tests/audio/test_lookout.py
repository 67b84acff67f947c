"""Looking for devices in a process of its own, beside a server that plays, hangs or is gone."""

from __future__ import annotations

import os
import signal

import pytest

from rtstem.io import lookout
from rtstem.io.portaudio import JACK


@pytest.fixture
def server(start_jack, monkeypatch):
    server = start_jack()
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return server


def named(devices):
    return [(d.name, d.hostapi, round(d.default_rate)) for d in devices]


def test_the_devices_of_a_server_that_plays(server):
    assert ("system", JACK, 48000) in named(lookout.devices_now())


def test_a_server_that_hangs_has_none(server, monkeypatch):
    monkeypatch.setattr(lookout, "SECONDS", 1.0)
    os.kill(server.pid, signal.SIGSTOP)
    assert lookout.devices_now() == []
    os.kill(server.pid, signal.SIGCONT)
    assert ("system", JACK, 48000) in named(lookout.devices_now())


def test_a_server_that_is_gone_has_none(server):
    server.kill()
    assert JACK not in {d.hostapi for d in lookout.devices_now()}


def test_no_process_can_be_started(monkeypatch):
    monkeypatch.setattr(lookout.sys, "executable", "/nowhere/python")
    with pytest.raises(lookout.DeviceError, match=r"no process .* \(No such file or directory\)"):
        lookout.devices_now()
