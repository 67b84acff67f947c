"""What a controller shows: lamps, rings and motor faders kept at what the desk says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .midi_events import ANY_CHANNEL, Address, Event, encode
from .midi_mapper import BUTTON_MODES, Binding, in_layer

T = TypeVar("T")

HOLD_SECONDS = 0.25
"""A fader that has not moved for this long is no longer in the hand."""


class Lights:
    """The outputs of one controller and what was last sent to each.

    Nothing is sent to a fader that is being moved (or touched, where it can tell): it gets the
    value of the desk once it is let go. Buttons are lit again after every press, because many
    controllers switch their lamp off by themselves.
    """

    def __init__(self, bindings: list[Binding], value: Callable[[str], float]) -> None:
        """`value` gives what the desk has for an action, 0 to 1."""
        self._value = value
        self._outputs: dict[Address, list[Binding]] = {}
        self._by_action: dict[str, set[Address]] = {}
        self._by_source: dict[Address, list[Binding]] = {}
        self._by_touch: dict[Address, Address] = {}
        for binding in bindings:
            if binding.output is None:
                continue
            self._outputs.setdefault(binding.output, []).append(binding)
            self._by_action.setdefault(binding.target, set()).add(binding.output)
            self._by_source.setdefault(binding.address, []).append(binding)
            if binding.touch is not None:
                self._by_touch[binding.touch] = binding.output
        self._sent: dict[Address, int] = {}
        self._dirty: dict[Address, None] = dict.fromkeys(self._outputs)  # a set that keeps order
        self._in_hand: dict[Address, float] = {}  # until when
        self._touched: set[Address] = set()

    def resync(self) -> None:
        """Forget what the controller shows: it is new, or was away. All is sent again."""
        self._sent.clear()
        self._in_hand.clear()
        self._touched.clear()
        self.refresh()

    def refresh(self) -> None:
        """Look at all outputs again: the layer has changed."""
        self._dirty = dict.fromkeys(self._outputs)

    def changed(self, actions: Iterable[str]) -> None:
        """The desk has new values for these actions."""
        for action in actions:
            self._dirty.update(dict.fromkeys(self._by_action.get(action, ())))

    def moved(self, event: Event, now: float) -> None:
        """The controller sent this at `now` (s): what it shows may no longer be what was sent."""
        address = event.address
        touched = _known(self._by_touch, address)
        if touched is not None:
            (self._touched.add if event.value else self._touched.discard)(touched)
        for binding in _known(self._by_source, address) or ():
            if binding.output is None:
                continue
            if binding.lights_itself:
                self._in_hand[binding.output] = now + HOLD_SECONDS
            if binding.lights_itself or binding.mode in BUTTON_MODES:
                self._sent.pop(binding.output, None)
                self._dirty[binding.output] = None

    def messages(self, layer: str | None, now: float) -> list[list[int]]:
        """What has to be sent now, at time `now` in seconds, with `layer` in force."""
        due = [output for output in self._dirty if not self._is_held(output, now)]
        sending = []
        for output in due:
            del self._dirty[output]
            number = self._shown(output, layer)
            if self._sent.get(output) != number:
                self._sent[output] = number
                sending += encode(output, number)
        return sending

    @property
    def waiting(self) -> bool:
        """Whether something is left to send."""
        return bool(self._dirty)

    def _is_held(self, output: Address, now: float) -> bool:
        return output in self._touched or self._in_hand.get(output, now) > now

    def _shown(self, output: Address, layer: str | None) -> int:
        bindings = self._outputs[output]
        active = in_layer(bindings, layer)
        binding = (active or bindings)[0]
        if not active:
            value = 0.0
        elif binding.control.shift is not None:
            value = float(layer == binding.control.shift)
        else:
            value = binding.scale.position(self._value(binding.target))
        assert binding.control.feedback is not None
        return binding.control.feedback.output(output, value)


def _known(table: dict[Address, T], address: Address) -> T | None:
    """The entry of the address, or that of the same one on any channel."""
    found = table.get(address)
    return found if found is not None else table.get(address._replace(channel=ANY_CHANNEL))
