"""The engine with its MIDI surface in a process of its own: engine_child.py with more commands."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from engine_child import Reply, facts, say, set_fader, snapshot

from rtstem import Engine
from rtstem.control.actions import ActionTable
from rtstem.control.midi import MidiSurface
from rtstem.control.midi_profile_files import load_profiles


class Desk:
    """An engine, its actions, a surface, and all that was said and done."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.actions = ActionTable(engine.desk)
        self.notices: list[str] = []
        self.moves: list[tuple[str, float]] = []
        self.surface = MidiSurface(
            self.actions,
            load_profiles(),
            "auto",
            self.notices.append,
            desk=engine.desk,
            api="jack",
            on_message=self._note,
        )

    def _note(self, _port: str, _message: list[int], moves: list) -> None:
        self.moves += [(m.binding.target, m.value) for m in moves if m.value is not None]

    def obey(self, do: str, **values: object) -> Reply:
        """One command."""
        if do == "set":
            return set_fader(self.engine, **values)
        if do == "apply":
            self.actions.apply(values["name"], values["value"])
            return {}
        if do == "midi_seconds":
            return {"seconds": midi_seconds()}
        if do == "moves":
            deadline = time.monotonic() + 30
            while len(self.moves) < values["at_least"] and time.monotonic() < deadline:
                time.sleep(0.005)
            return {"moves": self.moves, "values": self.actions.values()}
        return snapshot(self.engine) | {
            "notices": self.notices,
            "connected": list(self.surface.connected),
            "bpm": self.surface.bpm,
        }


def midi_seconds() -> float:
    """Processor time that the surface's threads have used so far."""
    nanoseconds = 0
    for thread in threading.enumerate():
        if thread.name.startswith("rtstem-midi"):
            schedstat = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()
            nanoseconds += int(schedstat.split()[0])
    return nanoseconds / 1e9


def main() -> int:
    """Start, say the facts, obey until the input ends."""
    with Engine(json.loads(sys.argv[1])) as engine:
        desk = Desk(engine)
        with desk.surface:
            say(facts(engine))
            for line in sys.stdin:
                say(desk.obey(**json.loads(line)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
