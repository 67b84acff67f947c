"""Whether input and output are one stream or two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rtstem import plan as plan_module
from rtstem.config import make_config
from rtstem.engine import Engine
from rtstem.errors import ConfigError
from rtstem.io.devices import DeviceInfo, same_clock
from rtstem.model_spec import read_model_spec
from rtstem.plan import make_plan
from tests.models import tiny_model

JACK = "JACK Audio Connection Kit"


def device(index: int, name: str, hostapi: str = "ALSA", rate: float = 44100.0) -> DeviceInfo:
    return DeviceInfo(index, name, hostapi, 2, 2, rate, 0.01, 0.01, False, False)


@pytest.mark.parametrize(
    ("source", "output", "same"),
    [
        (device(1, "USB: Audio (hw:1,0)"), device(1, "USB: Audio (hw:1,0)"), True),
        (device(1, "USB: Audio (hw:1,0)"), device(2, "HDA (hw:0,0)"), False),
        (device(0, "default"), device(1, "pulse"), False),
        (device(0, "system", JACK), device(1, "synth", JACK), True),
        (device(0, "system", JACK), device(0, "system"), False),
        (device(3, "Line (USB Audio)", "MME"), device(7, "Speakers (USB Audio)", "MME"), True),
        (device(3, "Line (2- USB)", "MME"), device(7, "Speakers (USB)", "MME"), False),
        (device(3, "MacBook Mic", "Core Audio"), device(4, "MacBook Out", "Core Audio"), False),
    ],
)
def test_which_devices_share_a_clock(source, output, same):
    assert same_clock(source, output) == same


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """planned(**audio) makes a plan over two cards, `in` at 44.1 and `out` at 48 kHz."""
    cards = [device(0, "in"), device(1, "out", rate=48000.0)]
    monkeypatch.setattr(plan_module, "list_devices", lambda: cards)
    spec = read_model_spec(tiny_model(tmp_path / "tiny.onnx"))
    return lambda **audio: make_plan(make_config({"audio": audio}), spec)


def test_two_cards_are_two_clocks_at_the_rate_of_the_output(planned):
    found = planned(input="in", output="out")
    assert found.two_clocks
    assert found.rate == 48000
    assert not planned(input="out", output="out").two_clocks


def test_the_configuration_may_say_so(planned):
    assert not planned(input="in", output="out", clocks="one").two_clocks
    assert planned(input="out", output="out", clocks="two").two_clocks


def test_a_device_before_a_virtual_output_has_a_clock_of_its_own(planned):
    found = planned(input="in", output="virtual")
    assert found.two_clocks
    assert found.virtual
    with pytest.raises(ConfigError, match=r"audio\.clocks: a virtual output has a clock of its"):
        planned(input="in", output="virtual", clocks="one")


def test_a_file_has_no_clock(planned):
    assert not planned(input="virtual:silence", output="out", clocks="two").two_clocks
    assert not planned(input="virtual:silence", output="virtual").two_clocks


def test_lockstep_needs_a_file(planned, monkeypatch, tmp_path):
    model = tiny_model(tmp_path / "tiny.onnx")
    with pytest.raises(ConfigError, match="lockstep has no clock"):
        Engine({"model": str(model), "audio": {"input": "in", "output": "virtual"}}, lockstep=True)


def test_equal_names_of_two_host_systems_are_two_clocks():
    one = device(0, "USB (hw:1)")
    assert not same_clock(one, replace(one, hostapi="OSS"))
