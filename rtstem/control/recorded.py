"""What the recorder needs of the engine and of its tap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from .recording_files import F32

if TYPE_CHECKING:
    from ..latency import Latency
    from ..model_spec import ModelSpec


class Change(Protocol):
    """A scene [B + 1, S + 1] that became the target in output frame `position`."""

    @property
    def position(self) -> int: ...
    @property
    def scene(self) -> F32: ...


class RecordedTap(Protocol):
    """What the recorder needs of `rtstem.io.tap.Tap`."""

    channels: tuple[str, ...]
    filtered: tuple[bool, ...]
    slew_frames: int
    lost: int
    lost_changes: bool
    first_scene: F32
    first_gains: F32
    first_knobs: F32
    first_filters: F32

    def read(self) -> tuple[int, F32]: ...
    def changes(self) -> Sequence[Change]: ...
    def close(self) -> None: ...


class RecordedEngine(Protocol):
    """What the recorder needs of `rtstem.Engine`."""

    @property
    def latency(self) -> Latency: ...

    @property
    def spec(self) -> ModelSpec: ...
    @property
    def rate(self) -> int: ...
    @property
    def bus_names(self) -> tuple[str, ...]: ...
    def open_tap(self) -> RecordedTap: ...
