"""loaded_child.py with the web mixer and OSC on free ports, for crowd.py."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import loaded_child  # noqa: F401  its commands, and the shim around the callback
from engine_child import COMMANDS, main

from rtstem.control.actions import ActionTable
from rtstem.control.osc import OscSurface
from rtstem.control.web import WebSurface

_THREADS = ("rtstem-web", "rtstem-osc")
_open: list[Any] = []  # kept until the process ends
_moves = [0]


def surfaces(engine: Any) -> dict[str, Any]:
    """Open both; gives where they are."""
    actions = ActionTable(engine.desk)
    web, osc = WebSurface(engine, actions, port=0), OscSurface(actions, port=0)

    def count(changed: Any) -> None:
        _moves[0] += len(changed)

    actions.subscribe(count)
    for surface in (web, osc):
        surface.start()
        _open.append(surface)
    return {"url": web.url, "osc": osc.address[1]}


def used(_engine: Any) -> dict[str, Any]:
    """Seconds of processor time that each surface's thread has used, and fader moves so far."""
    seconds: dict[str, Any] = {"moves": _moves[0]}
    for thread in threading.enumerate():
        if thread.name in _THREADS:
            statistics = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()
            seconds[thread.name] = int(statistics.split()[0]) / 1e9
    return seconds


COMMANDS |= {"surfaces": surfaces, "used": used}

if __name__ == "__main__":
    sys.exit(main())
