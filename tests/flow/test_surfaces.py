"""The surfaces around a running engine: fades step by themselves, recordings end complete."""

from __future__ import annotations

import socket
import threading
import urllib.request

import numpy as np
import pytest
import soundfile
from pythonosc.udp_client import SimpleUDPClient

from rtstem.config import make_config
from rtstem.control.surfaces import Surfaces
from rtstem.engine import Engine
from rtstem.errors import RtstemError
from tests.flow.clocked import hear
from tests.models import tiny_model
from tests.waiting import until


@pytest.fixture
def engine(tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, np.full((30 * 44100, 2), 0.25, np.float32), 44100, subtype="FLOAT")
    config = {
        "model": str(tiny_model(tmp_path / "tiny.onnx")),
        "audio": {"input": f"file:{song}", "output": "virtual"},
        "latency": {"safety_hops": 4},
    }
    with Engine(config) as engine:
        yield engine


def test_a_snapshot_fades_by_itself(engine):
    with Surfaces(engine, engine.config) as surfaces:
        surfaces.actions.apply("stem.vocals.gain", 0.0)
        surfaces.actions.apply("snapshot.1.store", 1.0)
        surfaces.actions.apply("panic", 1.0)
        engine.desk.fade_seconds = 60.0
        surfaces.actions.apply("snapshot.1.recall", 1.0)
        until(lambda: 0.0 < engine.desk.get("vocals") < 1.0)
        engine.desk.fade_seconds = 0.2
        surfaces.actions.apply("snapshot.1.recall", 1.0)
        until(lambda: not engine.desk.fading)
        assert engine.desk.get("vocals") == 0.0


def test_a_recording_is_complete_when_the_surfaces_end(engine, tmp_path):
    with Surfaces(engine, engine.config, tmp_path / "gig") as surfaces:
        until(lambda: surfaces._recorder.frames)
        surfaces.actions.apply("stem.vocals.gain", 0.0)
        hear(engine, 0.3)
    assert surfaces.report is not None
    assert surfaces.report.moves == 1
    assert surfaces.report.error == ""
    mix, rate = soundfile.read(surfaces.report.files["bus.main"])
    assert rate == 44100
    assert len(mix) == surfaces.report.frames > 8000


def test_what_surfaces_notice_is_the_engines_notice(engine):
    engine.tell("the controller has gone")
    assert engine.notice == "the controller has gone"


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_web_page_and_osc_move_the_same_desk(engine):
    web, osc = free_port(), free_port(socket.SOCK_DGRAM)
    sections = {"web": {"enabled": True, "port": web}, "osc": {"enabled": True, "port": osc}}
    with Surfaces(engine, make_config(sections)) as surfaces:
        with urllib.request.urlopen(surfaces.url, timeout=30) as page:
            assert b"rtstem" in page.read()
        SimpleUDPClient("127.0.0.1", osc).send_message("/rtstem/stem/vocals/gain", 0.25)
        until(lambda: engine.desk.get("vocals") == 0.25)


def test_a_port_in_use_is_one_line_and_leaves_nothing_running(engine):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        config = make_config({"web": {"enabled": True, "port": port}, "osc": {"enabled": True}})
        with pytest.raises(RtstemError, match="in use") as caught, Surfaces(engine, config):
            pass
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"rtstem-web", "rtstem-osc", "rtstem-fades"}
