"""The log of a recording: JSON lines with all that is needed to make the mix again.

The first line is the header, then one line for each event with the frame from which it holds (`at`,
counted from the first recorded frame), then the totals. A killed process leaves no totals, and maybe
a part of a line, which does not count.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import AudioFileError, one_line
from ..rt.board import MAX_BLOCK

F32 = npt.NDArray[np.float32]
T = TypeVar("T")

LOG_NAME = "moves.jsonl"
VERSION = 1
_LONGEST_NAME = 255
_MOST_BYTES = 256_000_000  # a day of a show in which faders never rest
_KIND = "rtstem recording"


@dataclass(frozen=True)
class Header:
    """What holds for the whole recording; S stems, B buses, lengths in frames, gains linear."""

    program: str
    """Version of rtstem."""
    started: str
    """Wall-clock time, ISO 8601."""
    model: str
    model_sha256: str
    rate: int
    latency: int
    """Delay of the engine, input to output."""
    stems: tuple[str, ...]
    buses: Mapping[str, bool]
    """Names in order; whether the bus hears the filter knobs."""
    files: Mapping[str, str]
    """Channel pair (`dry`, `stem.NAME`, `bus.NAME`) -> file name beside the log."""
    slew: int
    """Frames of a ramp over the whole range."""
    block: int
    """Length of the first block; mostly that of all."""
    scene: F32
    """[B + 1, S + 1] targets in the first block: a row a bus, then the filter knobs."""
    gains: F32
    """[B, S + 1] where the ramps were before it."""
    knobs: F32
    """[S] where the filter knobs were."""
    filters: F32
    """[S, 2, 2] memory of the filters."""


@dataclass(frozen=True)
class Totals:
    """The last line. `stopped`: why the recording ended before it was told to, empty: it did not."""

    frames: int
    lost: int
    moves: int
    stopped: str


@dataclass
class RecordingLog:
    """A log as it was read. `moves` and `blocks` are in order of their frame."""

    path: Path
    header: Header
    moves: list[tuple[int, F32]] = field(default_factory=list)
    """Scene [B + 1, S + 1] that was the target from a frame on."""
    blocks: list[tuple[int, int]] = field(default_factory=list)
    """Length of the blocks from a frame on."""
    gaps: list[tuple[int, int]] = field(default_factory=list)
    """Frame and length of what is silence because the writer was late."""
    lost_moves: bool = False
    totals: Totals | None = None


def header_line(header: Header) -> str:
    """The first line of a log, with its line end."""
    return _line({"kind": _KIND, "version": VERSION} | asdict(header))


def move_line(at: int, scene: F32) -> str:
    """A scene that became the target."""
    return _line({"at": at, "scene": scene})


def block_line(at: int, frames: int) -> str:
    """Blocks have another length from here on."""
    return _line({"at": at, "block": frames})


def gap_line(at: int, frames: int) -> str:
    """Frames that are silence because they were lost."""
    return _line({"at": at, "lost": frames})


def lost_moves_line(at: int) -> str:
    """Scenes before this frame are missing."""
    return _line({"at": at, "lost_moves": True})


def totals_line(totals: Totals) -> str:
    """The last line."""
    return _line({"end": asdict(totals)})


def read_log(path: str | Path) -> RecordingLog:
    """Read a log (or the folder of a recording). Raises AudioFileError, one line that says where."""
    path = Path(path)
    path = path / LOG_NAME if path.is_dir() else path
    try:
        if path.exists() and not path.is_file():
            raise AudioFileError(f"{path}: is no regular file; give the {LOG_NAME} of a recording")
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise AudioFileError(
            f"{path}: the log cannot be read ({error.strerror}); give the {LOG_NAME} of a recording"
        ) from None
    if len(data) > _MOST_BYTES:
        raise AudioFileError(f"{path}: is over 256 MB, which no log is; give that of a recording")
    lines = data.split(b"\n")[:-1]  # behind the last line end: nothing, or torn
    if not lines:
        raise AudioFileError(f"{path}: the log is empty, nothing was recorded; record again")
    log = RecordingLog(path, _parsed(path, 1, lines[0], _header))
    for number, line in enumerate(lines[1:], 2):
        if log.totals is not None:
            raise _damaged(path, number, "a line behind the totals")
        _parsed(path, number, line, lambda values: _event(log, values))
    return log


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=np.ndarray.tolist, allow_nan=False) + "\n"


def _parsed(path: Path, number: int, line: bytes, take: Callable[[dict[str, Any]], T]) -> T:
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not an object")
        return take(values)
    except KeyError as error:
        raise _damaged(path, number, f"{error} is missing") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _damaged(path, number, str(error).partition("\n")[0]) from None


def _damaged(path: Path, number: int, why: str) -> AudioFileError:
    return AudioFileError(
        f"{path}:{number}: damaged line ({why}); take the log from a copy of the recording"
    )


def _header(values: dict[str, Any]) -> Header:
    if values.pop("kind") != _KIND:
        raise ValueError("this is not the log of a recording")
    version = values.pop("version")
    if version != VERSION:
        raise ValueError(f"version {version} of the log needs another version of rtstem")
    stems, buses = tuple(map(str, values["stems"])), dict(values["buses"])
    row = len(stems) + 1
    for key in ("rate", "slew"):
        _count(values[key], 1)
    files = {str(key): str(name) for key, name in values["files"].items()}
    if any(Path(name).name != name for name in files.values()):
        raise ValueError("a file outside the recording's folder")
    if any(len(os.fsencode(name)) > _LONGEST_NAME for name in files.values()):
        raise ValueError("a file with a name that no system takes")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name) for name in buses):
        raise ValueError("a bus with a name that no configuration can give")  # it names a file
    return Header(
        **values
        | {
            "stems": stems,
            "files": files,
            "buses": {str(name): bool(hears) for name, hears in buses.items()},
            "block": _count(values["block"], 1, MAX_BLOCK),
            "scene": _array(values["scene"], (len(buses) + 1, row)),
            "gains": _array(values["gains"], (len(buses), row)),
            "knobs": _array(values["knobs"], (len(stems),)),
            "filters": _array(values["filters"], (len(stems), 2, 2)),
        }
    )


def _event(log: RecordingLog, values: dict[str, Any]) -> None:
    if "end" in values:
        end = values["end"]
        counts = {key: _count(end[key], 0) for key in ("frames", "lost", "moves")}
        log.totals = Totals(**counts, stopped=one_line(str(end["stopped"])))
        return
    at = _count(values["at"], 0)
    if "scene" in values:
        log.moves.append((at, _array(values["scene"], log.header.scene.shape)))
    elif "block" in values:
        log.blocks.append((at, _count(values["block"], 1, MAX_BLOCK)))
    elif "lost" in values:
        log.gaps.append((at, _count(values["lost"], 1)))
    elif "lost_moves" in values:
        log.lost_moves = True
    else:
        raise ValueError("an event that this version does not know")


def _count(value: object, least: int, most: int = 1 << 62) -> int:
    if type(value) is not int or not least <= value <= most:  # true is a number in Python, not here
        raise ValueError(f"{value!r} is not a number of frames")
    return value


def _array(value: object, shape: tuple[int, ...]) -> F32:
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite
        array = np.array(value, np.float32)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(f"values {list(array.shape)} in place of {list(shape)}")
    return array
