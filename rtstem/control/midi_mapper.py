"""Events of one controller to actions of the desk, as its profile says. No ports, no clock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .midi_events import ANY_CHANNEL, Address, Event
from .midi_map import RELATIVE, Scale
from .takeover import catches

if TYPE_CHECKING:
    from .actions import ActionTable
    from .midi_profile import Control, Profile

InBeats = Callable[[float], contextlib.AbstractContextManager[Any]]
BUTTON_MODES = frozenset({"toggle", "momentary", "trigger"})
_ALL_CHANNELS = range(1, 17)


@dataclass(frozen=True)
class Binding:
    """One control of a profile, with everything that follows from its action worked out."""

    label: str
    control: Control
    address: Address
    output: Address | None
    touch: Address | None
    mode: str
    scale: Scale
    pickup: bool

    @property
    def target(self) -> str:
        """The action, or the layer of a shift."""
        return self.control.action or self.control.shift or ""

    @property
    def lights_itself(self) -> bool:
        """Whether what is sent moves the very thing that the hand moves (motor, ring)."""
        return self.mode == "absolute" and self.output == self.address


class Move(NamedTuple):
    """What an event did: `value` given to `target`; None: the control waits to be picked up."""

    binding: Binding
    value: float | None


def bind(profile: Profile, actions: ActionTable) -> tuple[list[Binding], list[str]]:
    """Bindings of all controls whose actions there are, and the names of the actions left out."""
    bindings, left_out = [], []
    for label, control in profile.controls.items():
        if control.action is None or control.action in actions:
            bindings.append(_binding(label, control, profile.channel, actions))
        else:
            left_out.append(control.action)
    return bindings, left_out


def _binding(label: str, control: Control, channel: int, actions: ActionTable) -> Binding:
    address = control.address(channel)
    feedback, own = control.feedback, channel if control.channel is None else control.channel
    output = feedback.address(own) if feedback is not None else None
    mode = _mode(control, address.kind, actions)
    continuous = control.action is not None and actions[control.action].kind == "continuous"
    pickup = mode == "absolute" and continuous and output != address
    return Binding(
        label=label,
        control=control,
        address=address,
        output=output,
        touch=None if control.touch is None else Address("note", own, control.touch),
        mode=mode,
        scale=control.scale,
        pickup=pickup if control.pickup is None else control.pickup,
    )


def _mode(control: Control, source: str, actions: ActionTable) -> str:
    if control.action is None:
        return control.mode or "momentary"
    kind = actions[control.action].kind
    if kind == "trigger":
        return "trigger"
    if control.mode is not None:
        return control.mode
    return "absolute" if kind == "continuous" and source not in ("note", "program") else "toggle"


def pairs(bindings: list[Binding]) -> set[tuple[int, int]]:
    """The 14-bit control changes of the bindings, as the decoder wants them."""
    return {
        (channel, b.address.number)
        for b in bindings
        if b.address.kind == "cc14"
        for channel in _channels(b.address)
    }


def parameters(bindings: list[Binding]) -> set[int]:
    """The channels on which the bindings use NRPN or RPN."""
    wide = [b.address for b in bindings if b.address.kind in ("nrpn", "rpn")]
    return {channel for address in wide for channel in _channels(address)}


def _channels(address: Address) -> range | tuple[int]:
    return _ALL_CHANNELS if address.channel == ANY_CHANNEL else (address.channel,)


class Mapper:
    """The state of one controller: layers, buttons held, where each fader was last.

    in_beats: the context in which a control with `beats` recalls its snapshot.
    """

    def __init__(
        self,
        bindings: list[Binding],
        actions: ActionTable,
        in_beats: InBeats = contextlib.nullcontext,
    ) -> None:
        self._actions = actions
        self._in_beats = in_beats
        self._bindings: dict[Address, list[Binding]] = {}
        for binding in bindings:
            self._bindings.setdefault(binding.address, []).append(binding)
        self._shifts: list[str] = []  # held ones in the order of their presses
        self._latched: str | None = None
        self._position: dict[Address, float] = {}
        self._value: dict[Address, int] = {}  # of buttons: the last message
        self._held: dict[Address, list[Binding]] = {}

    @property
    def layer(self) -> str | None:
        """The layer in force; None is the one without a name."""
        return self._shifts[-1] if self._shifts else self._latched

    def handle(self, event: Event) -> list[Move]:
        """Apply one event; returns what it did. Raises what the action table raises."""
        address = event.address
        active = in_layer(self._find(address), self.layer)
        press = self._press(event)
        moves = [self._let_go(b) for b in self._held.pop(address, ())] if press is False else []
        if press:
            self._held[address] = [b for b in active if b.mode == "momentary"]
        for binding in active:
            if binding.mode not in BUTTON_MODES:
                moves.append(self._turn(binding, event))
            elif press:
                moves.append(self._push(binding))
        self._position[address] = event.position
        return moves

    def release(self) -> list[Move]:
        """Let go of everything that is held: the controller is gone. Positions are forgotten."""
        held, self._held = self._held, {}
        self._position.clear()
        self._value.clear()
        return [self._let_go(binding) for bindings in held.values() for binding in bindings]

    def _find(self, address: Address) -> list[Binding]:
        return self._bindings.get(address) or self._bindings.get(
            address._replace(channel=ANY_CHANNEL), []
        )

    def _press(self, event: Event) -> bool | None:
        """True: a button went down, False: it came up, None: neither."""
        if event.address.kind == "program":
            return True
        before = self._value.get(event.address)
        self._value[event.address] = event.value
        if event.address.kind == "note":
            return True if event.value else (False if before else None)
        half = event.top / 2
        was_down = before is not None and before > half
        if event.value > half:
            # a button that never says 0 repeats its value, a fader on its way does not
            return True if not was_down or event.value == before else None
        return False if was_down else None

    def _turn(self, binding: Binding, event: Event) -> Move:
        scale, current = binding.scale, self._actions.value(binding.target)
        if binding.mode == "relative":
            steps = RELATIVE[binding.control.encoding or ""](event.value)
            position = scale.position(current) + steps * binding.control.step
            return self._apply(binding, scale.value(min(max(position, 0.0), 1.0)))
        value = scale.value(event.position)
        previous = self._position.get(event.address)
        came_from = None if previous is None else scale.value(previous)
        if binding.pickup and not catches(came_from, value, scale.clipped(current)):
            return Move(binding, None)
        return self._apply(binding, value)

    def _push(self, binding: Binding) -> Move:
        if binding.control.shift is not None:
            return self._shift(binding, binding.control.shift)
        if binding.mode == "trigger":
            if binding.control.beats is None:
                return self._apply(binding, 1.0)
            with self._in_beats(binding.control.beats):
                return self._apply(binding, 1.0)
        scale = binding.scale
        on = binding.mode == "momentary" or (
            scale.position(self._actions.value(binding.target)) < 0.5
        )
        return self._apply(binding, scale.value(1.0 if on else 0.0))

    def _let_go(self, binding: Binding) -> Move:
        if binding.control.shift is None:
            return self._apply(binding, binding.scale.value(0.0))
        self._shifts.remove(binding.control.shift)
        return Move(binding, 0.0)

    def _shift(self, binding: Binding, layer: str) -> Move:
        if binding.mode == "momentary":
            self._shifts.append(layer)
            return Move(binding, 1.0)
        self._latched = None if self._latched == layer else layer
        return Move(binding, float(self._latched == layer))

    def _apply(self, binding: Binding, value: float) -> Move:
        self._actions.apply(binding.target, value)
        return Move(binding, value)


def in_layer(bindings: list[Binding], layer: str | None) -> list[Binding]:
    """The bindings of the layer, or those of no layer where it has none."""
    special = [b for b in bindings if layer is not None and b.control.layer == layer]
    return special or [b for b in bindings if b.control.layer is None]
