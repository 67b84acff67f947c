"""The layouts of docs/osc: every message they send is taken by the OSC server of a running engine."""

from __future__ import annotations

import json
import socket
import time
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pythonosc.udp_client import SimpleUDPClient

from rtstem.config import make_config
from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.osc import SYNC, address_of
from rtstem.control.surfaces import Surfaces
from rtstem.engine import Engine
from tests.flow.conftest import STEMS
from tests.models import tiny_model
from tests.waiting import until
from tools.make_osc_layout import COLOURS, open_stage_control

FOLDER = Path(__file__).parents[2] / "docs" / "osc"

# Properties of the widgets of Open Stage Control 1.30, from the defaults() of its sources
# (src/client/widgets): it drops others without a word.
EVERYWHERE = """
type id visible interaction comments left top width height expand colorText colorWidget colorStroke
colorFill lineWidth padding html css value default linkId address preArgs target bypass
"""
COMMON = set(EVERYWHERE.split())
SENDING = COMMON | {"typeTags", "decimals", "ignoreDefaults"}
SLIDER = SENDING | {"doubleTap", "range", "sensitivity", "steps", "origin", "design", "pips"}
PANEL = COMMON | {"layout", "justify", "scroll", "innerPadding", "contain", "widgets", "tabs"}
PROPERTIES = {
    "root": PANEL - {"expand", "left", "top"},
    "panel": PANEL,
    "text": COMMON,
    "knob": SLIDER | {"mode"},
    "fader": SLIDER | {"snap", "touchZone", "horizontal"},
    "button": SENDING | {"label", "on", "off", "mode", "doubleTap", "decoupled"},
}


def session() -> dict:
    return json.loads((FOLDER / "open-stage-control.json").read_text("utf-8"))


def touchosc_xml() -> bytes:
    return zlib.decompress((FOLDER / "touchosc.tosc").read_bytes())


def widgets(node: dict) -> Iterator[dict]:
    yield node
    for child in node.get("widgets", []):
        yield from widgets(child)


def of_open_stage_control() -> Iterator[tuple[str, bool]]:
    """(address, whether it is a button)"""
    for widget in widgets(session()["content"]):
        if "address" in widget:
            yield widget["address"], widget["type"] == "button"


def of_touchosc() -> Iterator[tuple[str, bool]]:
    for node in ET.fromstring(touchosc_xml()).iter("node"):
        for message in node.iterfind("messages/osc"):
            assert [p.findtext("type") for p in message.iterfind("path/partial")] == ["CONSTANT"]
            yield str(message.findtext("path/partial/value")), node.get("type") == "BUTTON"


LAYOUTS = {"open stage control": of_open_stage_control, "touchosc": of_touchosc}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    song = tmp_path / "song.wav"
    soundfile.write(song, np.zeros((60 * 44100, 2), np.float32), 44100, subtype="FLOAT")
    model = str(tiny_model(tmp_path / "tiny.onnx"))
    with Engine(
        {"model": model, "audio": {"input": f"file:{song}", "output": "virtual"}}
    ) as engine:
        yield engine


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_running_engine_takes_every_message(engine, layout):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controls = sorted(LAYOUTS[layout](), key=lambda control: "recall" in control[0])
    assert {address_of(f"stem.{stem}.gain") for stem in STEMS} <= {a for a, _ in controls}
    with Surfaces(engine, make_config({"osc": {"enabled": True, "port": port}})) as surfaces:
        client = SimpleUDPClient("127.0.0.1", port)
        for address, is_button in controls:
            done: list[str] = []
            leave = surfaces.actions.subscribe(lambda changed, done=done: done.extend(changed))
            client.send_message(address, 9001 if address == SYNC else 1.0 if is_button else 0.25)
            name = address.removeprefix("/rtstem/").replace("/", ".")
            silent = address == SYNC or name.startswith("snapshot.") or name in ("panic", "undo")
            if not silent:
                deadline = time.monotonic() + 60
                while name not in done and time.monotonic() < deadline:
                    time.sleep(0.002)
                assert name in done, f"{address} did nothing: {engine.notice}"
            leave()
        client.send_message(address_of("stem.vocals.gain"), 0.75)
        until(lambda: engine.desk.get("vocals") == 0.75)  # so all that came before was taken
    assert "OSC" not in engine.notice  # nothing was refused


def test_both_layouts_have_the_same_controls():
    assert dict(of_open_stage_control()) == dict(of_touchosc())


def test_open_stage_control_knows_every_property():
    whole = session()
    assert (whole["type"], whole["createdWith"]) == ("session", "Open Stage Control")
    for widget in widgets(whole["content"]):
        assert set(widget) <= PROPERTIES[widget["type"]], widget["id"]
    names = [widget["id"] for widget in widgets(whole["content"])]
    assert len(names) == len(set(names))  # widgets of one name would move together


def test_the_files_are_what_the_tool_writes():
    actions = ActionTable(Desk(STEMS, {}, lambda state: None))
    assert session() == open_stage_control(actions, STEMS)


def test_touchosc_accepts_the_format():
    """py2tosc holds it against what the editor of TouchOSC 1.5 writes."""
    py2tosc = pytest.importorskip("py2tosc", reason="pip install -e '.[test]'")
    from tools.touchosc_layout import touchosc

    actions = ActionTable(Desk(STEMS, {}, lambda state: None))
    made = touchosc(actions, STEMS, COLOURS)
    assert made.validate() == []
    assert made.dumps().encode() == touchosc_xml()
    assert py2tosc.load(FOLDER / "touchosc.tosc").validate() == []
