"""OSC over real UDP on the loopback: both ways, bundles, strangers, floods and damage."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.osc import OscSurface, address_of
from rtstem.control.osc_clients import Allowed
from rtstem.control.osc_packet import read
from rtstem.errors import ConfigError
from tests.waiting import until
from tests.web.osc_client import Client, bundle, message

STEMS = ("vocals", "drums", "bass", "other")
VOCALS = "/rtstem/stem/vocals/gain"


def assert_hears(client: Client, told: dict[str, float]) -> None:
    """All of it comes, and nothing else."""
    expected = pytest.approx(told)
    assert client.hear(expected=expected) == expected


@pytest.fixture
def table() -> ActionTable:
    return ActionTable(Desk(STEMS, {}, lambda state: None))


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def surface(table: ActionTable, notices: list[str]) -> Iterator[OscSurface]:
    with OscSurface(table, port=0, on_notice=notices.append) as surface:
        yield surface


@pytest.fixture
def clients(surface: OscSurface) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**options: str) -> Client:
        made.append(Client(surface, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.mark.parametrize("value", [0.25, 1, 0, True, False])
def test_an_address_for_every_action(table, clients, value):
    client = clients()
    table.apply("stem.vocals.gain", 0.6)
    table.apply("bypass", 0.0 if value else 1.0)
    client.send(VOCALS, value)
    client.send("/rtstem/bypass", float(value))
    until(lambda: table.value("stem.vocals.gain") == float(value))
    until(lambda: table.value("bypass") == float(value >= 0.5))


def test_a_button_needs_no_argument_and_a_fader_does(table, clients, notices):
    client = clients()
    client.send("/rtstem/preset/acapella")
    until(lambda: table.value("preset.acapella") == 1.0)
    client.send(VOCALS)
    until(lambda: notices == [f"OSC from 127.0.0.1: {VOCALS}: must have a number from 0 to 1"])


def test_bundles_in_order_and_at_once(table, clients):
    inner = bundle(message("/rtstem/stem/drums/gain", 0.25), message(VOCALS, 0.5))
    packet = bundle(
        message(VOCALS, 0.75), inner, message("/rtstem/bypass", 1.0), tag=time.time() + 3600
    )
    clients().raw(packet.dgram)
    until(lambda: table.value("bypass") == 1.0)
    assert table.value("stem.vocals.gain") == 0.5
    assert table.value("stem.drums.gain") == 0.25


def test_changes_are_told_to_all_who_have_spoken_but_not_back_to_the_mover(table, clients):
    mover, other, stranger = clients(), clients(), clients()
    for client in (mover, other):
        client.send("/rtstem/sync")
        assert_hears(client, {address_of(n): v for n, v in table.values().items()})
    mover.send(VOCALS, 0.5)
    assert_hears(other, {VOCALS: 0.5})
    assert mover.hear() == {}
    table.apply("stem.vocals.gain", 0.25)
    assert_hears(mover, {VOCALS: 0.25})
    assert_hears(other, {VOCALS: 0.25})
    assert stranger.hear(0.05) == {}


def test_a_mover_hears_what_else_its_move_has_changed(clients):
    client = clients()
    client.send("/rtstem/preset/no_drums", 1.0)
    assert_hears(client, {"/rtstem/stem/drums/gain": 0.0})


def test_sync_with_a_port_is_answered_there(table, clients, surface):
    asker, listener = clients(), clients()
    asker.send("/rtstem/sync", listener.socket.getsockname()[1])
    assert_hears(listener, {address_of(n): v for n, v in table.values().items()})
    table.apply("bypass", 1.0)
    assert_hears(listener, {"/rtstem/bypass": 1.0})


def test_reply_to_hears_from_the_start(table):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(30)
        with OscSurface(table, port=0, reply_to=listener.getsockname()):
            table.apply("bypass", 1.0)
            assert list(read(listener.recv(1500))) == [("/rtstem/bypass", 1.0)]


def test_a_held_back_change_is_told_in_the_end(table, clients):
    client = clients()
    client.send("/rtstem/sync")
    assert_hears(client, {address_of(n): v for n, v in table.values().items()})
    for n in range(200):
        table.apply("stem.bass.gain", n / 200)
    table.apply("stem.bass.gain", 0.125)
    assert_hears(client, {"/rtstem/stem/bass/gain": 0.125})


def test_a_flood_is_taken_fader_by_fader_and_the_last_value_wins(table, clients, notices):
    client = clients()
    moves = []
    table.subscribe(lambda changed: moves.append(changed))
    began = time.monotonic()
    for n in range(5000):  # within a second; after a stall no faster, which no socket would hold
        client.send(VOCALS, (n % 100) / 100)
        if n % 10 == 9:
            time.sleep(0.002)
    client.send(VOCALS, 0.375)
    until(lambda: table.value("stem.vocals.gain") == 0.375)
    assert len(moves) <= 250 * (time.monotonic() - began)
    assert notices == []


def test_switches_keep_their_place_in_a_flood(table, clients):
    client = clients()
    seen = []
    table.subscribe(lambda changed: seen.extend(changed.items()))
    for n in range(100):
        client.send(VOCALS, 0.5 if n % 2 else 0.25)
        client.send("/rtstem/bypass", float(n % 2 == 0))
    until(lambda: len(seen) == 200)
    assert [value for name, value in seen if name == "bypass"] == [1.0, 0.0] * 50


BAD = [
    b"",
    b"\0",
    b"/",
    b"no slash\0\0\0\0",
    b"/rtstem/bypass",
    b"/rtstem/bypass\0\0,f\0\0",
    b"/rtstem/bypass\0\0f\0\0\0\x3f\x80\0\0",
    b"/\xff\xfe\0,f\0\0\x3f\x80\0\0",
    b"#bundle\0",
    b"#bundle\0" + bytes(8) + struct.pack(">i", -4) + bytes(4),
    b"#bundle\0" + bytes(8) + struct.pack(">i", 0) * 50,
    b"#bundle\0" + bytes(8) + struct.pack(">i", 2**31 - 1),
    b"#bundle\0" + bytes(8) + struct.pack(">i", 8) + b"/x\0\0",
    (b"#bundle\0" + bytes(8)) * 500,
    message("/rtstem/bypass", "on").dgram,
    message("/rtstem/bypass", 1.5).dgram,
    message("/rtstem/bypass", -1).dgram,
    message("/rtstem/bypass", float("nan")).dgram,
    message("/rtstem/bypass", b"blob").dgram,
    message("/rtstem/sync", 70000).dgram,
    message("/rtstem/stem/vocal/gain", 1.0).dgram,
    message("/other/program", 1.0).dgram,
]


@pytest.mark.parametrize("packet", BAD, ids=range(len(BAD)))
def test_damage_does_nothing(table, clients, packet):
    before, client = table.values(), clients()
    client.raw(packet)
    client.send(VOCALS, 0.5)
    until(lambda: table.value("stem.vocals.gain") == 0.5)
    assert table.values() == before | {"stem.vocals.gain": 0.5}


def test_a_damaged_bundle_does_nothing_at_all(table, clients):
    client, whole = clients(), bundle(message("/rtstem/bypass", 1.0)).dgram
    client.raw(whole + struct.pack(">i", 64))
    client.send(VOCALS, 0.5)
    until(lambda: table.value("stem.vocals.gain") == 0.5)
    assert table.value("bypass") == 0.0


def test_errors_are_told_once_in_a_while_not_for_each_packet(clients, notices):
    client = clients()
    for _ in range(200):
        client.send("/rtstem/stem/vocal/gain", 1.0)
    until(lambda: len(notices) > 0)
    time.sleep(0.1)
    assert len(notices) == 1
    assert "did you mean '/rtstem/stem/vocals/gain'" in notices[0]


def test_a_stranger_moves_nothing_and_is_told_of(table, notices, monkeypatch):
    monkeypatch.setattr(Allowed, "__contains__", lambda self, host: host != "127.0.0.2")
    with OscSurface(table, host="0.0.0.0", port=0, on_notice=notices.append) as surface:
        surface._host = "127.0.0.1"
        stranger, friend = Client(surface, "127.0.0.2"), Client(surface)
        stranger.send("/rtstem/bypass", 1.0)
        friend.send(VOCALS, 0.5)
        until(lambda: table.value("stem.vocals.gain") == 0.5)
        assert table.value("bypass") == 0.0
        assert notices == ["OSC from 127.0.0.2: this host is not allowed; name it in osc.allow"]
        stranger.send("/rtstem/sync")
        assert stranger.hear(0.1) == {}
        stranger.close()
        friend.close()


def test_a_port_in_use_is_one_line_with_the_cure(surface, table):
    with pytest.raises(ConfigError, match=r"port \d+ on 127\.0\.0\.1 .* set another osc\.port"):
        OscSurface(table, port=surface.address[1]).start()
