"""OSC: every action has an address, both ways, over UDP, in a thread of its own.

/rtstem/stem/vocals/gain 0.5 moves the fader, and everybody who has sent something is told when it
has moved. /rtstem/sync asks for all values; with a port as argument, they and all changes go there.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from ..errors import ConfigError, RtstemError
from ..resources import did_you_mean
from .actions import ActionTable
from .osc_clients import Address, Allowed, Clients
from .osc_packet import Message, read, write

PREFIX = "/rtstem/"
SYNC = "/rtstem/sync"
BATCH_SECONDS = 0.005
"""After a packet, so long others may gather: a flood moves each fader once in this time."""
_BATCH_PACKETS = 512
_FEEDBACK_SECONDS = 1 / 60
_NOTICE_SECONDS = 5.0
_RECEIVE_BYTES = 1 << 20


def address_of(action: str) -> str:
    """/rtstem/stem/vocals/gain for stem.vocals.gain."""
    return PREFIX + action.replace(".", "/")


class OscSurface:
    """The actions of one desk for OSC controllers."""

    def __init__(
        self,
        actions: ActionTable,
        host: str = "127.0.0.1",
        port: int = 9000,
        reply_to: Address | None = None,
        allow: Iterable[str] = (),
        on_notice: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Nothing is opened before `start`.

        host: address to listen on; port 0 takes a free one.
        reply_to: host and port that hear every change from the start, beside all who have sent.
        allow: addresses and networks that may send, beside this machine.
        on_notice: what the user should know, one line each, from this surface's thread.
        Raises ConfigError for an address that cannot be used.
        """
        self._allowed, self._clients = Allowed(allow), Clients(reply_to)
        if not 0 <= port <= 65535:
            raise ConfigError(f"osc.port must be from 0 to 65535, not {port}")
        self._actions, self._on_notice = actions, on_notice
        self._by_address = {address_of(name): name for name in actions.names}
        self._host, self._port = host, port
        self._lock = threading.Lock()  # what other threads leave here
        self._changed: dict[str, float] = {}
        self._last_notice = -_NOTICE_SECONDS
        self._told_at = 0.0
        self._stopping = threading.Event()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="rtstem-osc", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def address(self) -> Address:
        """Host and port it listens on."""
        return self._host, self._port

    def start(self) -> None:
        """Listen. Raises ConfigError where the port cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
            self._socket.bind((self._host, self._port))
        except OSError as error:
            self._socket.close()
            raise ConfigError(
                f"osc: port {self._port} on {self._host} cannot be opened "
                f"({error.strerror or error}); set another osc.port or osc.host"
            ) from None
        self._port = self._socket.getsockname()[1]
        for end in (self._socket, self._woken, self._wake):
            end.setblocking(False)
        self._unsubscribe = self._actions.subscribe(self._remember)
        self._thread.start()

    def stop(self) -> None:
        """Close. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._unsubscribe()
        self._nudge()
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0)
            self._socket.close()
        self._wake.close()
        self._woken.close()

    def __enter__(self) -> OscSurface:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _remember(self, changed: Mapping[str, float]) -> None:
        """Called by whoever moved the desk: short."""
        with self._lock:
            self._changed.update(changed)
        if threading.current_thread() is not self._thread:
            self._nudge()

    def _nudge(self) -> None:
        with suppress(OSError):  # full: it is awake already; or closed
            self._wake.send(b"\0")

    # -- the thread

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select(self._patience())
                self._drain_nudges()
                self._apply(self._receive())
                self._feed_back()
                time.sleep(BATCH_SECONDS)

    def _patience(self) -> float | None:
        """Until when there is something to tell that was held back; None: nothing is."""
        with self._lock:
            waiting = bool(self._changed) or self._clients.waiting
        return max(0.0, self._told_at + _FEEDBACK_SECONDS - time.monotonic()) if waiting else None

    def _drain_nudges(self) -> None:
        with suppress(OSError):  # nothing there
            self._woken.recv(4096)

    def _receive(self) -> list[tuple[Address, str, float]]:
        """Who wants what: the packets there are; of the moves of one fader in a row only the last."""
        wanted: list[tuple[Address, str, float]] = []
        place: dict[str, int] = {}
        for _ in range(_BATCH_PACKETS):
            try:
                packet, sender = self._socket.recvfrom(65536)
            except OSError:  # nothing left, or news of a client that is gone
                break
            client = (sender[0], sender[1])
            try:
                if client[0] not in self._allowed:
                    raise ConfigError("this host is not allowed; name it in osc.allow")
                for name, value in self._requests(client, packet):
                    if self._actions[name].kind != "continuous":
                        place.clear()  # a switch keeps its place among the moves
                    elif name in place:
                        wanted[place[name]] = (client, name, value)
                        continue
                    else:
                        place[name] = len(wanted)
                    wanted.append((client, name, value))
            except RtstemError as error:
                self._notice(client, error)
        return wanted

    def _requests(self, client: Address, packet: bytes) -> list[tuple[str, float]]:
        """The actions in one packet; a damaged packet does nothing at all."""
        messages = list(read(packet))
        self._clients.meet(client)
        found = []
        for message in messages:
            try:
                if message.address == SYNC:
                    self._sync(client, message.value)
                else:
                    found.append(self._request(message))
            except RtstemError as error:
                self._notice(client, error)
        return found

    def _request(self, message: Message) -> tuple[str, float]:
        shown = message.address[:80]
        name = self._by_address.get(message.address)
        if name is None:  # looking for what was meant takes time that a flood must not have
            hint = did_you_mean(shown, self._by_address) if self._notice_due() else ""
            raise ConfigError(f"{shown!r}: no such address{hint}")
        # a message without argument presses a button
        pressed = message.value is None and self._actions[name].kind == "trigger"
        value = 1.0 if pressed else message.value
        if value is None or not 0 <= value <= 1:
            raise ConfigError(f"{shown}: must have a number from 0 to 1")
        return name, value

    def _sync(self, client: Address, port: float | None) -> None:
        target = client
        if port is not None:
            if not 1 <= port <= 65535:
                raise ConfigError(f"{SYNC}: the port must be from 1 to 65535")
            target = (client[0], int(port))
        self._clients.meet(target)
        self._clients.changed(self._actions.values(), only=target)

    def _apply(self, wanted: Iterable[tuple[Address, str, float]]) -> None:
        for client, name, value in wanted:
            self._clients.said(client, name, value)
            try:
                self._actions.apply(name, value)
            except RtstemError as error:
                self._notice(client, error)

    def _feed_back(self) -> None:
        """What changed, to everybody, 60 times a second at most."""
        now = time.monotonic()
        if now - self._told_at < _FEEDBACK_SECONDS:
            return
        with self._lock:
            changed, self._changed = self._changed, {}
        self._clients.changed(changed)
        for client, values in self._clients.take():
            self._told_at = now
            for packet in write((address_of(name), value) for name, value in values.items()):
                try:
                    self._socket.sendto(packet, client)
                except OSError:  # full or unreachable: UDP promises nothing, the next sync does
                    break

    def _notice_due(self) -> bool:
        return time.monotonic() - self._last_notice >= _NOTICE_SECONDS

    def _notice(self, client: Address, problem: Exception) -> None:
        """One line, not more often than somebody reads."""
        if self._notice_due():
            self._last_notice = time.monotonic()
            self._on_notice(f"OSC from {client[0]}: {problem}")
