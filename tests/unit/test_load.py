"""What makes life hard for an engine: that it does, and that it ends."""

from __future__ import annotations

import socket
import sys
import time
from itertools import pairwise

import psutil
import pytest

from rtstem.load import adversaries
from rtstem.load.adversaries import ADVERSARIES, Adversaries
from rtstem.load.child import Child
from rtstem.load.flood import Flood
from rtstem.load.spin import Spin
from rtstem.load.stalls import StallMonitor
from tests.waiting import until


@pytest.mark.parametrize("name", ADVERSARIES)
def test_an_adversary_works_for_its_share_and_ends(monkeypatch, name):
    steps = []

    def counted(make):
        def run():
            for pause in make():
                steps.append(pause)
                yield pause

        return run

    monkeypatch.setitem(ADVERSARIES, name, counted(ADVERSARIES[name]))
    with Adversaries([name], share=0.5) as greedy:
        assert steps  # it has begun when the context is entered
        until(lambda: len(steps) > 1)
    ended = len(steps)
    time.sleep(0.2)
    assert len(steps) == ended
    assert ended > 1
    assert greedy.gave_up == {}


def test_an_adversary_pauses_for_the_rest_of_its_share(monkeypatch):
    """Steps of 50 ms at a tenth of the time: one each half second."""
    begun = []

    def steps():
        while True:
            begun.append(time.monotonic())
            time.sleep(0.05)
            yield 0.0

    monkeypatch.setitem(ADVERSARIES, "busy", steps)
    with Adversaries(["busy"], share=0.1):
        until(lambda: len(begun) > 3)  # the first is followed at once: nobody waits for the start
    assert min(after - before for before, after in pairwise(begun[1:])) > 0.45


def test_an_adversary_that_the_machine_refuses_is_told(monkeypatch):
    def refused():
        raise OSError("no space left")
        yield 0.0

    monkeypatch.setitem(ADVERSARIES, "disk", refused)
    with Adversaries(["disk", "busy"], share=0.1) as greedy:
        pass
    assert greedy.gave_up == {"disk": "no space left"}
    assert adversaries.INTERPRETER == ("busy", "json", "gc")


def test_programs_take_a_processor_and_end():
    here = psutil.Process()
    others = here.children()  # of tests before
    with Spin(2):
        children = [child for child in here.children() if child not in others]
        assert len(children) == 2
        until(lambda: all(sum(child.cpu_times()[:2]) > 0.5 for child in children))
    assert not any(child.is_running() for child in children)


def test_a_flood_sends_at_its_rate():
    began = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind(("127.0.0.1", 0))
        with Flood(port.getsockname()[1], 100) as flood:
            port.settimeout(60)
            for _ in range(30):
                assert b"/rtstem/stem/" in port.recv(512)
    assert 30 <= flood.sent <= 1 + 100 * (time.monotonic() - began)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says on which processor one is")
def test_standstills_are_counted():
    began = time.monotonic()
    with StallMonitor() as monitor:
        watchers = [psutil.Process(child._process.pid) for child in monitor._watchers]
        until(lambda: all(w.num_ctx_switches().voluntary > 200 for w in watchers))  # its sleeps
    assert monitor.seen is not None
    assert monitor.seen.count >= 0
    assert 0.0 < monitor.seen.longest_ms < 1000 * (time.monotonic() - began)


def test_a_child_that_fails_says_nothing():
    child = Child("nowhere")
    assert child.line() == ""
    assert child.end() == ""
