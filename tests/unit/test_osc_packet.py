"""OSC without a network: packets, who is allowed, who is told."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtstem.control.osc_clients import MAX_CLIENTS, Allowed, Clients
from rtstem.control.osc_packet import Message, read, write
from rtstem.errors import ConfigError


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"#bundle\0" + bytes(8) + b))
def test_any_packet_is_read_or_refused(packet):
    with suppress(ConfigError):
        assert all(isinstance(m, Message) for m in read(packet))


def test_other_hosts_are_refused_unless_told():
    assert "127.0.0.1" in Allowed(())
    assert "::1" in Allowed(())
    assert "::ffff:127.0.0.1" in Allowed(())
    assert "192.168.1.20" not in Allowed(())
    assert "192.168.1.20" in Allowed(["192.168.1.20"])
    assert "192.168.1.21" not in Allowed(["192.168.1.20"])
    assert "192.168.1.21" in Allowed(["10.0.0.0/8", "192.168.1.0/24"])
    with pytest.raises(ConfigError, match=r"osc\.allow 'tablet'.*192\.168\.1\.20"):
        Allowed(["tablet"])


def test_clients_are_so_many_and_reply_to_stays():
    clients = Clients(("10.0.0.1", 9))
    for port in range(2 * MAX_CLIENTS):
        clients.meet(("10.0.0.2", port))
    assert len(clients) == MAX_CLIENTS
    clients.changed({"a": 1.0})
    assert ("10.0.0.1", 9) in [client for client, _ in clients.take()]


def test_a_client_is_told_what_it_said_itself_when_it_comes_true_later():
    """As a model that it asked for: the change takes a second."""
    clients, tablet = Clients(), ("10.0.0.2", 9)
    clients.meet(tablet)
    clients.said(tablet, "model.other", 1.0)
    assert clients.waiting, "the word is never forgotten"
    assert clients.take() == []
    assert not clients.waiting
    clients.changed({"model.other": 1.0})
    assert clients.take() == [(tablet, {"model.other": 1.0})]


def test_written_packets_can_be_read_and_fit_a_network():
    values = [(f"/rtstem/stem/vocals/a{n}", n / 100) for n in range(100)]
    packets = write(values)
    assert max(map(len, packets)) < 1472
    found = [m for packet in packets for m in read(packet)]
    assert [m.address for m in found] == [address for address, _ in values]
    assert [m.value for m in found] == pytest.approx([value for _, value in values])
    assert write(values[:1])[0].startswith(b"/rtstem")
