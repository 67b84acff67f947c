"""Writes docs/osc/open-stage-control.json and touchosc.tosc: faders, filters and buttons of the stems.

python tools/make_osc_layout.py [--out FOLDER] [--stems vocals,drums,bass,other]

The second needs py2tosc, as the tests do.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rtstem.control.actions import Action, ActionTable  # noqa: E402
from rtstem.control.desk import Desk  # noqa: E402
from rtstem.control.osc import SYNC, address_of  # noqa: E402
from tools.touchosc_layout import touchosc  # noqa: E402

COLOURS = ("#d858b4", "#f09040", "#5c98f0", "#50b878", "#9c7ce8", "#c8a840")
DECIMALS = 4
"""Two, Open Stage Control's own choice, are a hundred steps: coarse at the bottom of a fader."""


def open_stage_control(actions: ActionTable, stems: tuple[str, ...]) -> dict[str, Any]:
    """The session of Open Stage Control 1.x."""
    strips = [
        panel(stem, "vertical", stem_widgets(actions, stem), colorWidget=COLOURS[n % len(COLOURS)])
        for n, stem in enumerate(stems)
    ]
    master = [fader(actions["master.gain"]), button(actions["bypass"], "bypass")]
    strips.append(panel("master", "vertical", master))
    presets = [a for a in map(actions.__getitem__, actions.names) if a.name.startswith("preset.")]
    scenes = [button(a, a.label) for a in presets]
    scenes += [button(actions[name], actions[name].label) for name in ("panic", "undo")]
    scenes.append(tap("sync", SYNC, "sync"))
    recalls = [actions[f"snapshot.{n}.recall"] for n in range(1, 9)]
    stores = [actions[f"snapshot.{n}.store"] for n in range(1, 9)]
    rows = [
        panel("strips", "horizontal", strips, height="70%"),
        panel("presets", "horizontal", scenes),
        panel("recall", "horizontal", [button(a, a.label) for a in recalls]),
        panel("store", "horizontal", [button(a, a.label) for a in stores]),
    ]
    root = {"type": "root", "id": "root", "layout": "vertical", "widgets": rows, "tabs": []}
    return {
        "createdWith": "Open Stage Control",
        "version": "1.25.0",
        "type": "session",
        "content": root,
    }


def stem_widgets(actions: ActionTable, stem: str) -> list[dict[str, Any]]:
    """Filter, fader and switches of one stem."""
    name = f"stem.{stem}"
    switches = [button(actions[f"{name}.{v}"], v) for v in ("mute", "solo", "kill")]
    return [
        {"type": "text", "id": f"{name}.label", "default": stem, "height": 30},
        knob(actions[f"{name}.filter"]),
        fader(actions[f"{name}.gain"]),
        panel(f"{name}.switches", "horizontal", switches, height=60),
    ]


def panel(name: str, layout: str, widgets: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Widgets beside or below each other."""
    common = {"type": "panel", "id": f"{name}.panel", "layout": layout, "scroll": False}
    return common | {"expand": True, "innerPadding": True, "widgets": widgets} | more


def widget(kind: str, name: str, address: str, **more: Any) -> dict[str, Any]:
    """One control; its value goes out as a float."""
    return {"type": kind, "id": name, "address": address, "typeTags": "f"} | more


def fader(action: Action) -> dict[str, Any]:
    """A fader that moves as far as the finger, never to it; back to its default by a double tap."""
    return widget(
        "fader",
        action.name,
        address_of(action.name),
        range={"min": 0, "max": 1},
        default=action.default,
        doubleTap=True,
        decimals=DECIMALS,
        snap=False,
        design="compact",
        expand=True,
    )


def knob(action: Action) -> dict[str, Any]:
    """A filter knob: off in the centre, where a double tap puts it."""
    return widget(
        "knob",
        action.name,
        address_of(action.name),
        default=action.default,
        origin=action.default,
        doubleTap=True,
        decimals=DECIMALS,
        height=90,
    )


def button(action: Action, label: str) -> dict[str, Any]:
    """A switch that stays, or a button that fires."""
    if action.kind == "trigger":
        return tap(action.name, address_of(action.name), label)
    address = address_of(action.name)
    return widget("button", action.name, address, label=label, mode="toggle", expand=True)


def tap(name: str, address: str, label: str) -> dict[str, Any]:
    """A button that sends 1 when it is touched."""
    return widget("button", name, address, label=label, mode="tap", expand=True)


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "osc", help="folder")
    parser.add_argument("--stems", default="vocals,drums,bass,other")
    options = parser.parse_args()
    if importlib.util.find_spec("py2tosc") is None:
        sys.exit("make_osc_layout: py2tosc is missing; run: pip install py2tosc")
    stems = tuple(options.stems.split(","))
    actions = ActionTable(Desk(stems, {}, lambda state: None))
    options.out.mkdir(parents=True, exist_ok=True)
    session = json.dumps(open_stage_control(actions, stems), indent=1) + "\n"
    (options.out / "open-stage-control.json").write_text(session, encoding="utf-8")
    touchosc(actions, stems, COLOURS).save(options.out / "touchosc.tosc", validate=True)


if __name__ == "__main__":
    main()
