"""`rtstem demo`: a song through the whole real-time engine, faders moved by a script, all recorded.

On the virtual device one run of the engine gives the mix and every stem, each on its own bus. A
sound card's output cannot be recorded: there the same stems are made offline afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .demo_picture import draw
from .demo_report import DemoReport, make_report
from .demo_script import SCRIPT_SECONDS, ScriptPlayer, make_script
from .engine import SLEW_FRAMES, Engine
from .errors import AudioFileError
from .io.files import open_reader
from .io.writer import FORMATS, AudioFileSet
from .model_spec import read_model_spec
from .resources import asset, find_model

if TYPE_CHECKING:
    from .control.telemetry import Snapshot

F32 = npt.NDArray[np.float32]
Progress = Callable[[float, float], None]
"""Called with (seconds played, seconds in total)."""

SONG = "demo_song.ogg"
MIX = "mix"
_TICK_SECONDS = 0.005  # how finely the script's times are kept


@dataclass(frozen=True)
class Recording:
    """What was heard, aligned with `heard`, the input: all float32 [frames, 2]."""

    heard: F32
    mix: F32
    stems: Mapping[str, F32]
    raw: F32 | None
    """The first bus as it left the engine, its delay still before it; None for a sound card."""


def run_demo(
    out_dir: str | Path = "demo-out",
    device: str | int | None = None,
    model: str = "live",
    song: str | Path | None = None,
    progress: Progress | None = None,
    *,
    provider: str = "auto",
    seconds: float = SCRIPT_SECONDS,
) -> DemoReport:
    """Play `song` (None: the bundled one), at most `seconds` of it, and write what came out.

    device: a sound card's name or index, or "default"; None for the virtual device.
    Writes OUT/mix.wav, OUT/<stem>.wav, OUT/stems.png, OUT/report.md and OUT/report.json; a name
    appears when the run is over and all files are whole. Raises AudioFileError (song or `out_dir`),
    ModelError, DeviceError, EngineError.
    """
    path = asset(SONG) if song is None else Path(song).expanduser()
    stems = read_model_spec(find_model(model)).stems
    taken: list[F32] = []
    engine = Engine(
        _config(path, device, model, provider, stems),
        sink=taken.append if device is None else None,
    )
    heard = _read_song(path, engine.rate, seconds)
    folder = Path(out_dir).expanduser()
    targets = {name: folder / f"{name}.wav" for name in (MIX, *stems)}
    with (
        _published_after(folder) as write_rest,
        AudioFileSet(targets, FORMATS["wav"], engine.rate, 2, len(heard), overwrite=True) as files,
    ):
        player, snapshot = _play(engine, len(heard) / engine.rate, progress)
        if device is None:
            recording = _cut(np.concatenate(taken), heard, engine.latency.frames, stems)
        else:
            recording = _make_offline(heard, engine, player, model, provider)
        files.write(MIX, recording.mix)
        for name, stem in recording.stems.items():
            files.write(name, stem)
        report = make_report(engine, snapshot, player, recording, path, device)
        write_rest("stems.png", draw(recording, player, engine.rate, _subtitle(report)))
        write_rest("report.json", (json.dumps(report.to_dict(), indent=2) + "\n").encode())
        write_rest("report.md", report.markdown().encode())
    return report


def _config(
    song: Path, device: str | int | None, model: str, provider: str, stems: tuple[str, ...]
) -> dict[str, Any]:
    """The engine's configuration: the desk's mix on channels 1 and 2, then each stem's own pair."""
    buses: dict[str, Any] = {"main": {"channels": [1, 2], "gains": "desk"}}
    if device is None:
        for n, stem in enumerate(stems):
            buses[f"{stem}_out"] = {"channels": [3 + 2 * n, 4 + 2 * n], "gains": {stem: 1.0}}
    return {
        "model": model,
        "provider": provider,
        "audio": {"input": f"file:{song}", "output": "virtual" if device is None else device},
        "buses": buses,
    }


def _read_song(path: Path, rate: int, seconds: float) -> F32:
    """What the engine hears of the song, float32 [frames, 2]: the same reader, the same cleaning."""
    reader = open_reader(path, rate)
    try:
        audio = reader.read(round(seconds * rate))
    finally:
        reader.close()
    if not len(audio):
        raise AudioFileError(f"{path}: holds no samples; give another song")
    return np.where(np.isfinite(audio), audio, np.float32(0.0))


def _play(
    engine: Engine, seconds: float, progress: Progress | None
) -> tuple[ScriptPlayer, Snapshot]:
    """Run the engine until the song has been heard; returns the moves made and the last figures."""
    with engine:

        def now() -> float:
            return engine.snapshot().seconds - engine.latency.frames / engine.rate

        script = make_script(engine.spec.stems, engine.desk.presets, seconds)
        player = ScriptPlayer(engine.desk, script, now)
        while not engine.wait(_TICK_SECONDS):
            time = player.step()
            if progress:
                progress(min(max(0.0, time), seconds), seconds)
            if time >= seconds:
                break
        snapshot = engine.snapshot()
    if engine.error:
        raise engine.error
    if progress:
        progress(seconds, seconds)
    return player, snapshot


def _cut(out: F32, heard: F32, delay: int, stems: tuple[str, ...]) -> Recording:
    """Take the buses of `out` [frames, channels] apart and the engine's delay off."""
    frames = len(heard)
    aligned = out[delay : delay + frames]
    if len(aligned) < frames:  # the engine lost output: never let it pass for silence
        heard = heard[: len(aligned)]
    pairs = [np.ascontiguousarray(aligned[:, 2 * n : 2 * n + 2]) for n in range(1 + len(stems))]
    raw = np.ascontiguousarray(out[: delay + frames, :2])
    return Recording(heard, pairs[0], dict(zip(stems, pairs[1:], strict=True)), raw)


def _make_offline(
    heard: F32, engine: Engine, player: ScriptPlayer, model: str, provider: str
) -> Recording:
    """The same stems and the same fader moves, computed: what the sound card played."""
    from .offline import separate

    stems = separate(heard, engine.rate, model, provider)
    mix = heard.copy()
    for name, stem in stems.items():
        gain = _gain_curve(player, name, len(heard), engine.rate)
        mix += (gain - np.float32(1.0))[:, np.newaxis] * stem
    return Recording(heard, mix, stems, None)


def _gain_curve(player: ScriptPlayer, stem: str, frames: int, rate: int) -> F32:
    """Gain of `stem` for every frame: the moves made, each a ramp as steep as the engine's."""
    moves = [(time * rate, state.gains[stem]) for time, state in player.states]
    at, gain = moves[0]
    corners = [(at, gain)]
    for time, target in moves[1:]:
        if target != gain:
            start = max(time, at)
            at = start + abs(target - gain) * SLEW_FRAMES
            corners += [(start, gain), (at, target)]
            gain = target
    places, gains = np.array(corners).T
    return np.asarray(np.interp(np.arange(frames), places, gains), np.float32)


def _subtitle(report: DemoReport) -> str:
    return (
        f"{report.song}  ·  model {report.model}  ·  {report.ms(report.declared_frames):.1f} ms from"
        f" input to output  ·  load {report.load:.0%}"
    )


@contextlib.contextmanager
def _published_after(folder: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Gives a function that writes a file into `folder`; the names appear when all has gone well."""
    staged: list[tuple[Path, Path]] = []

    def write(name: str, content: bytes) -> None:
        target = folder / name
        partial = folder / f".{name}.{secrets.token_hex(4)}.part"
        staged.append((partial, target))
        with _refusals(target):
            partial.write_bytes(content)

    try:
        yield write
        for partial, target in staged:
            with _refusals(target):
                os.replace(partial, target)
    finally:
        for partial, _ in staged:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _refusals(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AudioFileError(
            f"{target}: cannot be written ({error.strerror}); choose another output folder"
        ) from None
