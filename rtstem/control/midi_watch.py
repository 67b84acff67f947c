"""Which controllers are plugged in: a thread that looks at the list of ports and opens them."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Literal

from ..errors import MidiError
from .midi_notices import Notices
from .midi_ports import Connection, Ports
from .midi_profile import Profile

LOOK_SECONDS = 0.3
"""Shorter than any replug: a controller that went and came between two looks is not noticed."""
_BRIDGES = frozenset({"a2j", "system", "midi-bridge", "alsa_midi"})
"""JACK clients that stand for all controllers; the controller's name is behind the colon."""

WantedPorts = Literal["auto"] | Sequence[str]


def controller_name(port: str) -> str:
    """The controller's own name in that of its port: `nanoKONTROL2:midi 1 28:0`, nanoKONTROL2."""
    first, _, rest = port.partition(":")
    name = rest if rest and first.lower() in _BRIDGES else first
    return re.sub(r"\s*([\[(].*|\d+:\d+)$", "", name).strip() or port


def own_profile(profile: Profile, port: str) -> Profile:
    """The profile as one of this port's controller, where it is one of no controller at all."""
    if profile.ports:
        return profile
    name = controller_name(port)
    return profile.model_copy(update={"name": name, "ports": (name,)})


class Watch:
    """Opens what is wanted and reports it: connections in `arrived`, their ports in `gone`."""

    def __init__(
        self,
        profiles: Sequence[Profile],
        ports: WantedPorts,
        api: str,
        notice: Notices,
    ) -> None:
        self.arrived: SimpleQueue[Connection] = SimpleQueue()
        self.gone: SimpleQueue[Connection] = SimpleQueue()
        self._profiles = tuple(profiles)
        self._wanted, self._api, self._notice = ports, api, notice
        self._all = False
        self._ports: Ports | None = None
        self._open: dict[str, Connection] = {}
        self._refused: set[str] = set()
        self._ignored: set[str] = set()
        self._look_now = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look for the first time, then go on looking; raises MidiError."""
        self._ports = ports = Ports(self._api)
        self._look(ports)
        missing = [] if self._wanted == "auto" else [p for p in self._wanted if not self._has(p)]
        for part in missing:
            which = f" has '{part}' in its name" if part else ""
            self._notice(f"MIDI: no port{which} yet; plug the controller in, it will be opened")
        self._thread = threading.Thread(
            target=self._run, args=(ports,), name="rtstem-midi-watch", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close all ports. The connections must no longer be in use."""
        self._stopping = True
        self._look_now.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
        for connection in (*self._open.values(), *drain(self.gone)):
            connection.close()
        self._open.clear()
        if self._ports is not None:
            self._ports.close()

    def open_all(self, wanted: bool) -> None:
        """Open ports without a profile too, for learning; False: no new ones of these."""
        self._all = wanted
        self._look_now.set()

    def prefer(self, profile: Profile) -> None:
        """Use this profile before all others for the ports that it matches."""
        self._profiles = (profile, *self._profiles)

    def profile_for(self, port: str) -> Profile:
        """The profile of a port: the first that matches its name, or an empty one."""
        matching = (profile for profile in self._profiles if profile.matches(port))
        found = next(matching, None)
        if found is None and self._wanted != "auto" and self._is_named(port):
            found = next((p for p in self._profiles if not p.ports), None)
        return found or own_profile(Profile(name="empty"), port)

    def _has(self, part: str) -> bool:
        return any(part.lower() in name.lower() for name in self._open)

    def _is_named(self, port: str) -> bool:
        return any(part.lower() in port.lower() for part in self._wanted)

    def _is_wanted(self, port: str) -> bool:
        if self._all:
            return True
        if self._wanted != "auto":
            return self._is_named(port)
        return any(profile.matches(port) for profile in self._profiles)

    def _run(self, ports: Ports) -> None:
        while not self._stopping:
            self._look_now.wait(LOOK_SECONDS)
            self._look_now.clear()
            if not self._stopping:
                self._notice.guard(self._look, ports)

    def _look(self, ports: Ports) -> None:
        """Compare the ports there are with those that are open."""
        names = ports.inputs()
        for name in [name for name in self._open if name not in names]:
            self.gone.put(self._open.pop(name))
        self._refused &= set(names)
        for name in names:
            if name not in self._open and self._is_wanted(name):
                self._try(ports, name)
        self._tell_ignored(names)

    def _try(self, ports: Ports, name: str) -> None:
        try:
            connection = ports.open(name)
        except MidiError as error:
            if name not in self._refused:  # it is tried again, the notice is not repeated
                self._refused.add(name)
                self._notice(str(error))
            return
        self._refused.discard(name)
        self._open[name] = connection
        self.arrived.put(connection)

    def _tell_ignored(self, names: Sequence[str]) -> None:
        """Say once of each port that it has no profile: the user may wait for it to work."""
        for name in names:
            if name not in self._open and name not in self._refused | self._ignored:
                self._ignored.add(name)
                if self._wanted == "auto" and "through" not in name.lower():
                    self._notice(f"MIDI: no profile for {name}; `rtstem midi learn` makes one")


def drain(queue: SimpleQueue[Connection]) -> list[Connection]:
    """All that is in the queue now."""
    found = []
    while not queue.empty():  # we are its only reader
        found.append(queue.get_nowait())
    return found
