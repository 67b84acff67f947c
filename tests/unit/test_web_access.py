"""Who gets into the web mixer: origins, hosts, tokens, ports, paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk
from rtstem.control.web import WebSurface
from rtstem.errors import ConfigError
from tests.web.fake import STEMS, Client, FakeEngine, clients, get


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


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "file://"])
def test_other_origins_are_refused(join, surface, origin):
    with pytest.raises(InvalidStatus) as refused:
        join(surface, origin=origin)
    assert refused.value.response.status_code == 403


def test_our_own_origin_comes_in(join, surface):
    assert join(surface, origin=surface.url.rstrip("/")).next("hello")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "192.168.0.9", "127.0.0.1@x", ""]
)
def test_a_host_that_is_not_ours_is_refused(surface, host):
    assert get(surface, "/", Host=host).status in (400, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8765"])
def test_our_hosts_are_served(surface, host):
    assert get(surface, "/", Host=host).status == 200


@pytest.mark.parametrize(
    "path",
    ["/../control/web.py", "/%2e%2e/errors.py", "/style.css/", "//etc/passwd", "/index", "/ws/x"],
)
def test_only_the_page_is_served(surface, path):
    assert get(surface, path).status == 404


def test_an_address_that_is_none_is_a_bad_request(surface):
    assert get(surface, "//[x").status == 400


def test_the_page_forbids_all_that_is_not_its_own(surface):
    answer = get(surface, "/")
    assert b"<title>rtstem mixer" in answer.read()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_addresses_need_a_token(table):
    with pytest.raises(ConfigError, match=r"set web\.token"):
        WebSurface(FakeEngine(), table, host="0.0.0.0")


def test_the_token_opens(join, table):
    with WebSurface(FakeEngine(), table, port=0, token="a b&c") as surface:
        assert surface.url.endswith("#token=a%20b%26c")
        for path in ("ws", "ws?token=", "ws?token=a", "ws?token=a%20b%26d"):
            with pytest.raises(InvalidStatus) as refused:
                join(surface, path)
            assert refused.value.response.status_code == 401
        assert join(surface, "ws?token=a%20b%26c").next("hello")


def test_a_port_in_use_is_one_line_with_the_cure(surface, table):
    port = int(surface.url.split(":")[2].strip("/"))
    with pytest.raises(ConfigError, match=rf"port {port} .* in use; .* web\.port") as error:
        WebSurface(FakeEngine(), table, port=port).start()
    assert error.value.exit_code == 2


def test_stop_tells_the_clients_and_frees_the_port(join, table):
    surface = WebSurface(FakeEngine(), table, port=0)
    surface.start()
    client = join(surface)
    surface.stop()
    surface.stop()
    with pytest.raises(ConnectionClosed):
        client.next("none")
    port = int(surface.url.split(":")[2].strip("/"))
    with WebSurface(FakeEngine(), table, port=port):
        pass
