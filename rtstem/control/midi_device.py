"""One controller: its profile at work, whether it is plugged in or away for a moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .midi_clock import Clock
from .midi_events import Decoder, Event
from .midi_lights import Lights
from .midi_mapper import InBeats, Mapper, Move, bind, pairs, parameters

if TYPE_CHECKING:
    from .actions import ActionTable
    from .midi_profile import Profile

QUIET_SECONDS = 0.004
"""After so long the lower half of a 14-bit value is not coming."""
_CLOCK_SLACK = 0.05


class Device:
    """State of a controller; it stays while the controller is unplugged."""

    def __init__(self, profile: Profile, actions: ActionTable, in_beats: InBeats) -> None:
        self.clock = Clock()
        self._actions = actions
        self._in_beats = in_beats
        self._heard = self._clock_time = 0.0
        self.use(profile)

    def use(self, profile: Profile) -> None:
        """Work with this profile from now on."""
        self.profile = profile
        bindings, self.left_out = bind(profile, self._actions)
        self._decoder = Decoder(pairs(bindings), parameters(bindings))
        self._mapper = Mapper(bindings, self._actions, self._in_beats)
        self._lights = Lights(bindings, self._actions.value)

    def receive(self, message: Sequence[int], since_last: float, now: float) -> list[Move]:
        """Do what one message asks for; `since_last` seconds after the one before it."""
        self._heard = now
        # the driver's stamps are better than the time of polling, unless some are missing
        self._clock_time += since_last
        if abs(self._clock_time - now) > _CLOCK_SLACK:
            self._clock_time = now
        return self._handle(self._decoder.feed(message), now)

    def quiet(self, now: float) -> list[Move]:
        """No message is waiting: first halves that are alone count as whole."""
        if now - self._heard < QUIET_SECONDS:
            return []
        return self._handle(self._decoder.flush(), now)

    def _handle(self, events: Iterable[Event], now: float) -> list[Move]:
        moves: list[Move] = []
        for event in events:
            kind, layer = event.address.kind, self._mapper.layer
            if kind == "clock":
                self.clock.tick(self._clock_time)
            elif kind in ("start", "stop", "continue"):
                self.clock.reset()
            else:
                self._lights.moved(event, now)
                moves += self._mapper.handle(event)
                if self._mapper.layer != layer:
                    self._lights.refresh()
        return moves

    def arrived(self) -> list[list[int]]:
        """The controller is there (again): messages it wants first; all its lights follow."""
        self._lights.resync()
        return [list(message) for message in self.profile.on_connect]

    def gone(self) -> list[Move]:
        """The controller is away: what it held down is let go."""
        self.clock.reset()
        self._decoder.flush()
        return self._mapper.release()

    def changed(self, actions: Iterable[str]) -> None:
        """The desk has new values for these actions."""
        self._lights.changed(actions)

    def outgoing(self, now: float) -> list[list[int]]:
        """What the controller has to be sent now."""
        return self._lights.messages(self._mapper.layer, now) if self._lights.waiting else []
