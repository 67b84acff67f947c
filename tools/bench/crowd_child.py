"""loaded_child.py with the web mixer and OSC on free ports, for crowd.py."""

from __future__ import annotations

import sys
from typing import Any

import loaded_child  # noqa: F401  its commands, and the shim around the callback
from engine_child import COMMANDS, main
from threads import thread_seconds

from rtstem.control.actions import ActionTable
from rtstem.control.osc import OscSurface
from rtstem.control.web import WebSurface

_THREADS = ("web", "osc")
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
    seconds = thread_seconds()
    return {"moves": _moves[0]} | {name: seconds[name] for name in _THREADS}


COMMANDS |= {"surfaces": surfaces, "used": used}

if __name__ == "__main__":
    sys.exit(main())
