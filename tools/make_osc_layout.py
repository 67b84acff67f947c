"""Writes docs/osc/open-stage-control.json: faders, filters and buttons of a model with four stems.

python tools/make_osc_layout.py [--out FILE] [--stems vocals,drums,bass,other]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rtstem.control.actions import Action, ActionTable  # noqa: E402
from rtstem.control.desk import Desk  # noqa: E402
from rtstem.control.osc import SYNC, address_of  # noqa: E402

COLOURS = ("#d858b4", "#f09040", "#5c98f0", "#50b878", "#9c7ce8", "#c8a840")


def layout(stems: tuple[str, ...]) -> dict[str, Any]:
    """The session of Open Stage Control 1.x."""
    actions = ActionTable(Desk(stems, {}, lambda state: None))
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
    knob = widget("knob", f"{name}.filter", address_of(f"{name}.filter"), default=0.5, origin=0.5)
    return [
        {"type": "text", "id": f"{name}.label", "default": stem, "height": 30},
        knob | {"height": 90, "doubleTap": True},
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
    """A fader over its whole way, moved by its cap only, back to its default by a double tap."""
    return widget(
        "fader",
        action.name,
        address_of(action.name),
        range={"min": 0, "max": 1},
        default=action.default,
        doubleTap=True,
        snap=False,
        design="compact",
        expand=True,
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
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ROOT / "docs" / "osc" / "open-stage-control.json"
    parser.add_argument("--out", type=Path, default=default)
    parser.add_argument("--stems", default="vocals,drums,bass,other")
    options = parser.parse_args()
    session = layout(tuple(options.stems.split(",")))
    options.out.write_text(json.dumps(session, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
