"""Looking for a lost device: which one is the same, and what is not even opened."""

from __future__ import annotations

from types import SimpleNamespace

from rtstem import reconnect
from rtstem.errors import DeviceError
from rtstem.io.devices import DeviceInfo
from rtstem.reconnect import Reconnect, same_device
from tests.waiting import until


def device(index: int, name: str, hostapi: str = "ALSA") -> DeviceInfo:
    return DeviceInfo(index, name, hostapi, 2, 2, 44100.0, 0.01, 0.01, False, False)


def test_the_same_device_is_found_by_its_name():
    wanted = device(3, "USB Audio")
    assert same_device(wanted, []) is None
    assert same_device(wanted, [device(3, "HDMI"), device(1, "USB Audio", "OSS")]) is None
    moved = device(1, "USB Audio")
    assert same_device(wanted, [device(0, "HDMI"), moved]) is moved
    twin = device(3, "USB Audio")
    assert same_device(wanted, [moved, twin]) is twin


def test_a_device_that_will_not_do_is_not_opened(monkeypatch):
    """Over JACK, opening and leaving it ends the process where the server is restarted meanwhile."""
    seen, begun, told = [[device(3, "USB Audio")]], [], []
    monkeypatch.setattr(reconnect, "devices_now", lambda: seen[0])
    monkeypatch.setattr(reconnect, "list_devices", lambda: seen[0])
    monkeypatch.setattr(reconnect, "end_after_loss", lambda hung: None)
    monkeypatch.setattr(reconnect, "begin", lambda: begun.append(True))
    monkeypatch.setattr(reconnect, "REFUSED_SECONDS", 0.01)

    def check(source, output):
        if output.index == 3:
            raise DeviceError("at 44100 Hz")

    looking = Reconnect(
        SimpleNamespace(stop=lambda dead: True),
        "USB Audio",
        None,
        device(1, "USB Audio"),
        pause=lambda: None,
        check=check,
        resume=lambda source, output: f"opened {output.index}",
        tell=told.append,
    )
    looking.start()
    until(lambda: told[1:] == ["at 44100 Hz"])
    assert not begun
    seen[0] = [device(1, "USB Audio")]
    until(lambda: not looking.busy)
    assert begun == [True]
    assert told[-1].endswith("; opened 1")
