"""A desk with its action table, and what the engine and a surface were told."""

from __future__ import annotations

from rtstem.control.actions import ActionTable
from rtstem.control.desk import Desk, DeskState

STEMS = ("vocals", "drums", "bass", "other")
CUE = {"cue": {"vocals": 1.0, "drums": 0.5}}


class Rig:
    """A desk, its table, and what engine and surfaces were told."""

    def __init__(self) -> None:
        self.engine: list[DeskState] = []
        self.desk = Desk(STEMS, {}, self.engine.append, buses=CUE)
        self.table = ActionTable(self.desk)
        self.shown = self.table.values()
        self.table.subscribe(self.shown.update)
