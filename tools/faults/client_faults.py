"""Clients that misbehave while a show plays: floods, garbage, half a request, nobody who reads."""

from __future__ import annotations

import random
import socket
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from pythonosc.udp_client import SimpleUDPClient
from websockets.sync.client import connect

from rtstem.control.surfaces import Surfaces
from rtstem.engine import Engine

from .outcome import Outcome
from .show import Show

SECONDS = 2.0
FLOOD = 2000  # packets a second
HALF_OPEN = 40


def clients(folder: Path) -> Outcome:
    """web and OSC clients flood, send garbage and half requests, and do not read"""
    web, osc = _free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM)
    settings = {"web": {"enabled": True, "port": web}, "osc": {"enabled": True, "port": osc}}
    served: list[bool] = []

    def misbehave(engine: Engine) -> None:
        with Surfaces(engine, engine.config), ExitStack() as opened:
            _half_open(web, opened)
            _deaf(web, opened)
            _flood(osc, web)
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/", timeout=5) as page:
                served.append(b"rtstem" in page.read())
            SimpleUDPClient("127.0.0.1", osc).send_message("/rtstem/stem/vocals/gain", 0.25)
            deadline = time.monotonic() + 2
            while engine.desk.get("vocals") != 0.25 and time.monotonic() < deadline:
                time.sleep(0.01)
            served.append(engine.desk.get("vocals") == 0.25)

    show = Show(folder, SECONDS + 1.0, settings=settings)
    outcome = show.play(misbehave)
    outcome.demand(served == [True, True], f"a client that behaves was not served: {served}")
    told = [m for m in outcome.messages if "stems" not in m]  # a busy machine's own late hops
    outcome.demand(len(told) <= 2, f"{len(told)} messages for one trouble: {told[:5]}")
    return outcome


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _half_open(port: int, opened: ExitStack) -> None:
    """Connections that say nothing or half of a request, and stay."""
    for number in range(HALF_OPEN):
        client = opened.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        if number % 2:
            client.sendall(b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1")


def _deaf(port: int, opened: ExitStack) -> None:
    """Browsers that come in and never read what they are told."""
    from rtstem.control.web_http import SOCKET_PATH

    for _ in range(4):
        address = f"ws://127.0.0.1:{port}{SOCKET_PATH}"
        opened.enter_context(connect(address, max_queue=1, close_timeout=0.1))


def _flood(osc: int, web: int) -> None:
    """Valid messages and garbage, as fast as FLOOD, for SECONDS."""
    from rtstem.control.web_http import SOCKET_PATH

    noise, end = random.Random(5), time.monotonic() + SECONDS
    good = SimpleUDPClient("127.0.0.1", osc)
    browser = connect(f"ws://127.0.0.1:{web}{SOCKET_PATH}", close_timeout=0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bad, browser:
        while time.monotonic() < end:
            for _ in range(FLOOD // 100):
                good.send_message("/rtstem/stem/drums/gain", noise.random())
                bad.sendto(noise.randbytes(noise.randrange(1, 200)), ("127.0.0.1", osc))
            try:
                browser.send(noise.choice(["{", "[]", "null", '{"kind": 1}', "x" * 500]))
            except OSError:
                pass
            except Exception:  # the server has closed the connection, as it may
                pass
            time.sleep(0.01)
