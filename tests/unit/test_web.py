"""The web mixer's protocol over real sockets: what is told, refused and slowed down."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.web import MAX_CLIENTS, WebSurface
from tests.waiting import until
from tests.web.fake import STEMS, Client, FakeEngine, clients


@pytest.fixture
def table() -> ActionTable:
    return ActionTable(Desk(STEMS, {}, lambda state: None))


@pytest.fixture
def surface(table: ActionTable) -> Iterator[WebSurface]:
    with WebSurface(FakeEngine(), table, port=0) as surface:
        yield surface


@pytest.fixture
def join() -> Iterator[Callable[..., Client]]:
    with clients() as join:
        yield join


def test_hello_tells_everything_and_state_only_what_changed(join, surface, table):
    client = join(surface)
    hello = client.next("hello")
    assert hello["version"] == 1
    assert [action["name"] for action in hello["actions"]] == list(table.names)
    assert hello["values"] == table.values()
    assert hello["facts"]["stems"] == list(STEMS)
    client.send({"type": "apply", "action": "stem.vocals.gain", "value": 0.25})
    assert client.next("state")["values"] == {"stem.vocals.gain": 0.25}
    table.apply("bypass", 1.0)
    assert client.next("state")["values"] == {"bypass": 1.0}


def test_nothing_is_sent_while_nothing_changes(join, surface):
    client = join(surface)
    client.next("status")
    client.next("status")  # that of the first frame, its last message
    assert client.silent(0.5)
    surface._engine.peak = 0.5
    assert client.next("meters")["stems"] == [-6, -6]


def test_sync_asks_for_everything_again(join, surface):
    client = join(surface)
    client.next("hello")
    client.send({"type": "sync"})
    assert client.next("hello")["values"]["master.gain"] == 1.0


def test_meters_go_on_while_the_spectra_are_compiled_for_the_first_who_watches(join, surface):
    begun, compiled = threading.Event(), threading.Event()
    surface._engine.opening = lambda: (begun.set(), compiled.wait(60))
    client = join(surface)
    client.next("status")
    client.send({"type": "watch", "spectrum": True})
    assert begun.wait(30)
    surface._engine.peak = 0.5
    while client.next("meters")["stems"] != [-6, -6]:
        pass
    assert surface._engine.opened == 0
    compiled.set()
    assert client.bands() == b"\x7f" * 64
    assert surface._engine.opened == 1


def test_spectra_come_to_those_who_watch_and_cost_nothing_otherwise(join, surface):
    one, other = join(surface), join(surface)
    one.next("status")
    time.sleep(0.3)
    assert surface._engine.looks == surface._engine.opened == 0
    one.send({"type": "watch", "spectrum": True})
    assert one.bands() == bytes(2 * 32)  # at once, although it has not changed
    surface._engine.peak = 1.0
    assert one.bands() == b"\xff" * 64
    other.next("meters")
    with pytest.raises(TimeoutError):
        other.bands(0.3)
    one.send({"type": "watch", "spectrum": False})
    until(lambda: not surface._spectators)
    looks = surface._engine.looks
    time.sleep(0.3)
    assert surface._engine.looks == looks


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{", "not JSON"),
        ("[" * 4000, "not JSON"),
        ("[1]", "not a JSON object"),
        (b"\x00\x01", "binary"),
        ('{"type": "quit"}', "type 'quit' is unknown"),
        ('{"type": {"a": 1}}', "is unknown"),
        ('{"type": "sync", "x": 1}', "key 'x' is unknown"),
        ('{"type": "watch", "spectrum": 1}', "spectrum must be true or false"),
        ('{"type": "apply", "action": ["a"], "value": 1}', "action must be a name"),
        ('{"type": "apply", "action": "stem.vocal.gain", "value": 1}', "did you mean"),
        ('{"type": "apply", "action": "bypass", "value": NaN}', "from 0 to 1"),
        ('{"type": "apply", "action": "bypass", "value": 1e999}', "from 0 to 1"),
        ('{"type": "apply", "action": "bypass", "value": ' + "9" * 400 + "}", "a huge number"),
        ('{"type": "apply", "action": "bypass", "value": true}', "from 0 to 1"),
        ('{"type": "apply", "action": "bypass"}', "from 0 to 1"),
        ('{"type": "apply", "action": "snapshot.2.recall", "value": 1}', "is empty"),
        ('{"type": "learn", "action": "bypass"}', "MIDI is off"),
    ],
)
def test_bad_messages_are_refused_without_harm(join, surface, table, message, said):
    before = table.values()
    client = join(surface)
    client.send(message)
    error = client.next("error")
    assert said in error["message"]
    assert len(error["message"]) <= 300
    assert table.values() == before
    client.send({"type": "apply", "action": "bypass", "value": 1})
    assert client.next("state")["values"] == {"bypass": 1.0}


def test_a_message_too_long_ends_that_connection_only(join, surface):
    client, other = join(surface), join(surface)
    client.send("x" * 5000)
    with pytest.raises(ConnectionClosed):
        client.next("none")
    other.send({"type": "sync"})
    assert other.next("hello")


def test_a_client_that_floods_is_slowed_and_told(join, surface, table):
    client, other = join(surface), join(surface)
    done: list[object] = []  # moves, and "frame" whenever all were told what is new
    table.subscribe(lambda changed: done.extend(changed.items()))
    meters = surface._engine.meters
    surface._engine.meters = lambda: done.append("frame") or meters()
    began = time.monotonic()
    for n in range(1000):
        client.send({"type": "apply", "action": "stem.vocals.gain", "value": n / 1000})
        if n == 500:  # more than the 400 that may be taken at once are still to come
            other.send({"type": "apply", "action": "stem.drums.gain", "value": 0.5})
    assert "slowed to 400" in client.next("error")["message"]
    slowed, last = ("stem.vocals.gain", 0.45), ("stem.vocals.gain", 0.999)
    until(lambda: last in done)  # nothing is lost, in order
    before = done[: done.index(last)]
    assert ("stem.drums.gain", 0.5) in before, "the others have to wait"
    assert before[before.index(slowed) :].count("frame") > 5, "the others have to wait"
    assert time.monotonic() - began > 1.3  # 400 at once, 600 at 400 a second


def test_so_many_clients_and_no_more(join, surface):
    clients = [join(surface) for _ in range(MAX_CLIENTS)]
    with pytest.raises(InvalidStatus) as refused:
        join(surface)
    assert refused.value.response.status_code == 503
    clients.pop().socket.close()
    until(lambda: len(surface._clients) < MAX_CLIENTS)
    assert join(surface).next("hello")


def test_an_engine_that_fails_to_answer_does_not_end_the_meters(join, table):
    engine, notices = FakeEngine(), []
    with WebSurface(engine, table, port=0, on_notice=notices.append) as surface:
        client = join(surface)
        client.next("status")
        client.next("status")  # that of the first frame, after its meters
        del engine.peak
        until(lambda: notices)
        engine.peak = 0.5
        assert client.next("meters")["in"] == [-6, -6]
    assert len(notices) == 1
