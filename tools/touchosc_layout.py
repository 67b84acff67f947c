"""The layout of docs/osc/touchosc.tosc, for make_osc_layout.py.

Written with py2tosc, whose format was read off files that TouchOSC 1.5.2 had saved; what a message
does is in Hexler's manual, https://hexler.net/touchosc/manual/editor-messages-osc.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from rtstem.control.actions import Action, ActionTable
from rtstem.control.osc import SYNC, address_of

if TYPE_CHECKING:
    from py2tosc import Control, Document

CANVAS = (0, 0, 1024, 768)
RECEIVE_PORT = 9001
"""Where TouchOSC must listen: the sync button asks rtstem to answer there."""
GREY, LIGHT, RED, TEXT_SIZE = "#606878", "#c8ccd4", "#c05050", 16
_NAMESPACE = uuid.UUID("6c1c2f0a-6a3e-4d0e-9c39-0a3c7b5f2d11")


def touchosc(actions: ActionTable, stems: tuple[str, ...], colours: tuple[str, ...]) -> Document:
    """Strips above, presets, recall and store below; the same for the same actions."""
    import py2tosc
    from py2tosc import ui

    strips = [_strip(actions, stem, colours[n % len(colours)]) for n, stem in enumerate(stems)]
    presets = [actions[name] for name in actions.names if name.startswith("preset.")]
    presets += [actions[name] for name in ("panic", "undo")]
    numbers = range(1, 9)
    rows = [
        ui.row(*strips, _master(actions), gap=12, name="strips"),
        ui.row(*[_push(action) for action in presets], _sync(), gap=6, name="presets"),
        ui.row(*[_push(actions[f"snapshot.{n}.recall"]) for n in numbers], gap=6, name="recall"),
        ui.row(*[_push(actions[f"snapshot.{n}.store"]) for n in numbers], gap=6, name="store"),
    ]
    sizes = (11, 1, 1, 1)
    root = ui.column(
        *rows, sizes=sizes, gap=8, pad=10, frame=CANVAS, name="rtstem", color="#181a20"
    )
    _name_for_good(root, "rtstem")
    return py2tosc.Document(root=root).resolve()


def _strip(actions: ActionTable, stem: str, colour: str) -> Control:
    from py2tosc import ui

    name = f"stem.{stem}"
    switches = [_switch(actions[f"{name}.{verb}"], verb, GREY) for verb in ("mute", "solo", "kill")]
    parts = [_title(stem, colour), _knob(actions[f"{name}.filter"], colour)]
    parts += [_fader(actions[f"{name}.gain"], colour), ui.row(*switches, gap=4, name="switches")]
    return ui.column(*parts, sizes=(1, 3, 9, 2), gap=6, name=stem)


def _master(actions: ActionTable) -> Control:
    from py2tosc import ui

    fader, bypass = _fader(actions["master.gain"], LIGHT), _switch(actions["bypass"], "bypass", RED)
    return ui.column(_title("master", LIGHT), fader, bypass, sizes=(1, 12, 2), gap=6, name="master")


def _title(text: str, colour: str) -> Control:
    from py2tosc import Value, label

    values = [Value("text", default=text), Value("touch", default=False)]
    look = {"background": False, "outline": False, "text_color": colour, "text_size": TEXT_SIZE + 4}
    return label(name=f"{text} title", values=values, **look)


def _fader(action: Action, colour: str) -> Control:
    """Moves as far as the finger, never to it: the level does not jump at a touch."""
    from py2tosc import Response, fader

    return fader(response=Response.RELATIVE, **_continuous(action, colour))


def _knob(action: Action, colour: str) -> Control:
    from py2tosc import Response, radial

    return radial(response=Response.RELATIVE, centered=True, **_continuous(action, colour))


def _continuous(action: Action, colour: str) -> dict[str, object]:
    from py2tosc import Value, ui

    values = [Value("x", default=action.default), Value("touch", default=False)]
    messages = [ui.osc(address_of(action.name))]
    return {"name": action.name, "color": colour, "values": values, "messages": messages}


def _switch(action: Action, text: str, colour: str) -> Control:
    """Stays on or off; follows the desk."""
    from py2tosc import ButtonType, button, ui

    control = button(
        name=action.name,
        color=colour,
        button_type=ButtonType.TOGGLE_PRESS,
        messages=[ui.osc(address_of(action.name))],
    )
    return ui.labelled(control, text, size=TEXT_SIZE, name=f"{action.name} group")


def _push(action: Action) -> Control:
    """Fires when it is touched; hears nothing, or a lit button could not be pressed again."""
    from py2tosc import button, ui

    message = ui.osc(address_of(action.name), on="RISE", receive=False)
    control = button(name=action.name, color=GREY, messages=[message])
    return ui.labelled(control, action.label, size=TEXT_SIZE, name=f"{action.name} group")


def _sync() -> Control:
    from py2tosc import button, ui

    port = ui.const(str(RECEIVE_PORT), conversion="INTEGER")
    message = ui.osc(SYNC, args=[port], on="RISE", receive=False)
    control = button(name="sync", color=RED, messages=[message])
    return ui.labelled(control, "sync", size=TEXT_SIZE, name="sync group")


def _name_for_good(control: Control, path: str) -> None:
    """Node ids from the place in the layout: the file changes only where the layout does."""
    control.id = str(uuid.uuid5(_NAMESPACE, path))
    for number, child in enumerate(control.children):
        _name_for_good(child, f"{path}/{number}")
