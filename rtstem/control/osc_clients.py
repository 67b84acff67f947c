"""Who may speak OSC to us, and who hears what has changed. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from ..errors import ConfigError

Address = tuple[str, int]
MAX_CLIENTS = 32


class Allowed:
    """This machine, and the addresses and networks in `allow` ("192.168.1.20", "10.0.0.0/24")."""

    def __init__(self, allow: Iterable[str]) -> None:
        """Raises ConfigError for what is no address."""
        self._networks = [_network(entry) for entry in allow]

    def __contains__(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        return address.is_loopback or any(address in network for network in self._networks)


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        raise ConfigError(
            f"osc.allow {entry!r}: must be an address such as 192.168.1.20 or 192.168.1.0/24"
        ) from None


class Clients:
    """The clients that hear changes, with what each of them still has to be told."""

    def __init__(self, reply_to: Address | None = None) -> None:
        self._pending: dict[Address, dict[str, float]] = {}
        self._said: dict[Address, dict[str, float]] = {}
        self._fixed = reply_to
        if reply_to is not None:
            self._pending[reply_to] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def waiting(self) -> bool:
        """True while `take` would have something, or a word of a client to forget."""
        return bool(self._said) or any(self._pending.values())

    def meet(self, client: Address) -> bool:
        """A client that has sent something; True where it is new. The oldest leaves a full table."""
        if client in self._pending:
            return False
        if len(self._pending) >= MAX_CLIENTS:
            oldest = next(known for known in self._pending if known != self._fixed)
            self.forget(oldest)
        self._pending[client] = {}
        return True

    def forget(self, client: Address) -> None:
        """It is gone."""
        self._pending.pop(client, None)
        self._said.pop(client, None)

    def said(self, client: Address, action: str, value: float) -> None:
        """A client has set this itself: told the same at once, its fader would move under the hand.

        The next `take` forgets it.
        """
        self._said.setdefault(client, {})[action] = value

    def changed(self, values: Mapping[str, float], only: Address | None = None) -> None:
        """To be told to everybody, or to `only` one."""
        for client, pending in self._pending.items():
            if only is None or client == only:
                pending.update(values)

    def take(self) -> list[tuple[Address, dict[str, float]]]:
        """What there is to tell; with it everybody is up to date."""
        news = []
        for client, pending in self._pending.items():
            said = self._said.get(client, {})
            rest = {name: value for name, value in pending.items() if said.get(name) != value}
            if rest:
                news.append((client, rest))
            pending.clear()
        self._said.clear()
        return news
