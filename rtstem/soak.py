"""`rtstem soak`: the configured engine under load for minutes, watched: a certificate of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from .bench import machine_line
from .config import Bus, Config
from .control.telemetry import Snapshot
from .engine import Engine
from .io.loop import LoopReader
from .model_spec import read_model_spec
from .plan import FILE
from .resources import asset, find_model
from .soak_exact import ExactCheck
from .soak_load import Load, Loads
from .soak_measured import Exactness, Measured
from .soak_report import SoakReport, make_report
from .soak_watch import LOOK_SECONDS, TROUBLES, Watch

Progress = Callable[[float, str], None]
"""Called with (seconds so far, the figures so far)."""

MUSIC = "demo_song.ogg"
_CHECK = "soak_check"
_ALL_UP = 1.0


def run_soak(
    config: Config,
    seconds: float,
    load: Load | None = None,
    progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> SoakReport:
    """Run the engine of `config` under `load` for so long, or until `stopped()`.

    A file as the input begins anew when it is over. On a virtual output all that leaves the engine
    is compared with the input. Raises what Engine raises; an engine that ends by itself is no error
    but a soak that failed.
    """
    load, tell = load or Load(), progress or (lambda _seconds, _figures: None)
    engine, check = _make(config)
    with engine:
        with Loads(engine, load) as loads:
            watch = Watch(engine, seconds)
            interrupted = _soak(engine, watch, seconds, tell, stopped)
            snapshot = engine.snapshot()
        if check is not None:
            check.end()
    if check is not None:
        check.close()
    return make_report(_measured(engine, snapshot, watch, loads, load, check, seconds, interrupted))


def music_of(config: Config) -> Path | None:
    """The file or folder that `config` plays, None for a device or silence."""
    source = str(config.audio.input)
    return Path(source.removeprefix(FILE)) if source.startswith(FILE) else None


def demo_music() -> str:
    """The bundled song, as a value for audio.input."""
    return f"{FILE}{asset(MUSIC)}"


def _make(config: Config) -> tuple[Engine, ExactCheck | None]:
    """The engine; on a virtual output with one more bus, all faders up, and its check."""
    music = music_of(config)
    if config.audio.output != "virtual" or music is None:
        return Engine(config, endless=True), None
    first = max(max(bus.channels) for bus in config.buses.values()) + 1
    stems = read_model_spec(find_model(config.model)).stems
    bus = Bus(channels=(first, first + 1), gains=dict.fromkeys(stems, _ALL_UP))
    sink: list[ExactCheck] = []
    engine = Engine(
        config.model_copy(update={"buses": {**config.buses, _CHECK: bus}}),
        sink=lambda block: sink[0](block),
        endless=True,
    )
    check = ExactCheck(LoopReader(music, engine.rate), (first - 1, first))
    check.delay = lambda: engine.latency.frames
    check.broken = lambda: _lost(engine.snapshot())
    sink.append(check)
    return engine, check


def _lost(snapshot: Snapshot) -> bool:
    return snapshot.sink_overflows > 0 or snapshot.input_underflows > 0


def _soak(
    engine: Engine, watch: Watch, seconds: float, tell: Progress, stopped: Callable[[], bool]
) -> bool:
    """Watch until the time is up; True where something else ended it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if stopped() or engine.wait(LOOK_SECONDS):
            return True
        watch.step()
        tell(watch.seconds, _figures(engine.snapshot(), watch))
    return False


def _figures(snapshot: Snapshot, watch: Watch) -> str:
    """The figures so far, short."""
    misses = sum(count(snapshot) for count in TROUBLES.values())
    growth = watch.growth()
    memory = f", memory {growth.mb:+.1f} MB" if growth is not None else ""
    return (
        f"misses {misses}, worst callback {snapshot.callback_us.max:.0f} us,"
        f" hop p99.9 {snapshot.hop_us.p999 / 1000:.1f} ms{memory}"
    )


def _measured(
    engine: Engine,
    snapshot: Snapshot,
    watch: Watch,
    loads: Loads,
    load: Load,
    check: ExactCheck | None,
    seconds: float,
    interrupted: bool,
) -> Measured:
    latency, hop = engine.latency, engine.spec.hop
    clocks = [sample.mhz for sample in watch.samples if sample.mhz is not None]
    stolen = watch.difference(lambda machine: machine.stolen_seconds)
    return Measured(
        machine=machine_line(),
        model=engine.spec.name,
        provider=engine.provider,
        route=engine.route,
        load=load.describe(),
        realtime=engine.realtime,
        sizing=engine.sizing,
        rate=engine.rate,
        block=latency.block,
        hop_frames=hop,
        safety_hops=latency.safety / hop,
        latency_frames=latency.frames,
        latency=latency.describe(),
        seconds=round(watch.seconds, 1),
        planned_seconds=seconds,
        interrupted=interrupted,
        error=str(engine.error or ""),
        notices=engine.notices,
        gave_up=dict(loads.gave_up),
        counts={name: count(snapshot) for name, count in TROUBLES.items()},
        callback_us=snapshot.callback_us,
        hop_us=snapshot.hop_us,
        exactness=_exactness(check),
        drift_ppm=watch.drift_ppm(),
        growth=watch.growth(),
        threads=(watch.warm_threads, watch.last.threads),
        celsius=watch.hottest,
        mhz=(min(clocks), max(clocks)) if clocks else None,
        throttled=watch.difference(lambda machine: machine.throttled),
        stolen_percent=None if stolen is None else _percent(stolen, watch.seconds),
        stalls=loads.stalls,
        samples=tuple(watch.samples),
    )


def _percent(stolen_seconds: float, seconds: float) -> float:
    return round(100 * stolen_seconds / max(seconds, 1e-9), 3)


def _exactness(check: ExactCheck | None) -> Exactness | None:
    if check is None:
        return None
    return Exactness(check.compared, check.bad, check.measured(), check.gave_up)
