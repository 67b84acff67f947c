"""Separate a whole library: do what is not done, keep going whatever happens to one song.

    crate = open_crate("Music", "Stems", format="flac")
    with Pool(4) as pool, crate.held():
        for outcome in crate.run(crate.plan(pool), pool):
            print(outcome.source, outcome.result, outcome.error)

A run that was ended, in whatever way, goes on where it was when it is started again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .crate_index import StemFolder, clean, remove_empty
from .crate_plan import Runner, Step, find_steps
from .crate_pool import Lost
from .crate_work import Order, Outcome, Settings, failed, fulfil, model_hash
from .errors import AudioFileError
from .io.part import held_by_another
from .model_spec import read_model_spec
from .offline import find_format
from .resources import find_model, model_names
from .stem_files import choose

Progress = Callable[[float, float], None]
"""Called with (seconds of audio done, seconds of audio to separate)."""


def open_crate(
    library: str | Path,
    destination: str | Path,
    model: str | Path = "live",
    provider: str = "auto",
    format: str = "wav",
    stems: Sequence[str] | None = None,
    overwrite: bool = False,
) -> Crate:
    """The songs below the folder `library`, their stems in the same tree below `destination`.

    The options are those of `offline.split_file`; `overwrite` does all songs again and replaces
    files that are not from here. Raises ConfigError, ModelError, AudioFileError.
    """
    source, target = Path(library).absolute(), Path(destination).absolute()
    if not source.is_dir():
        reason = "is not a folder; for a file use `rtstem split`"
        raise AudioFileError(f"{library}: {reason if source.exists() else 'no such folder'}")
    if target.exists() and (not target.is_dir() or target.samefile(source)):
        raise AudioFileError(f"{destination}: stems cannot go there; give another folder")
    find_format(format)
    path = find_model(model)
    name = _shared_name(path)
    settings = Settings(
        model=name,
        model_hash=model_hash(name),
        format=format,
        stems=choose(stems, read_model_spec(path).stems),
        provider=provider,
        overwrite=overwrite,
    )
    return Crate(source, target, settings)


class Crate:
    """A library and the folder of its stems; see `open_crate`."""

    def __init__(self, library: Path, destination: Path, settings: Settings) -> None:
        self.library = library
        self.destination = destination
        self.settings = settings
        self._failed: set[Path] = set()

    def plan(
        self, runner: Runner, on_look: Callable[[int, int], None] = lambda looked, songs: None
    ) -> list[Step]:
        """What there is to do; changes nothing. on_look hears (songs looked at, songs)."""
        return find_steps(self.library, self.destination, self.settings, runner, on_look)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the destination and keep it for one run; what dead programs left there is removed.

        Raises AudioFileError where it cannot be written to, or another run has it.
        """
        with _made_and_locked(self.destination):
            clean(self.destination)
            yield
            clean(self.destination)
            for folder in self._failed:
                remove_empty(folder, self.destination)

    def run(
        self, steps: Sequence[Step], runner: Runner, progress: Progress = lambda done, total: None
    ) -> Iterator[Outcome]:
        """Do them, giving the outcomes as they come.

        Ends early after an outcome that is `hopeless`. To be used inside `held`.
        """
        for step in steps:
            if step.action == "keep":
                yield Outcome(step.job.source, "kept", step.look.seconds)
            elif step.action == "fail":
                yield failed(step.job.source, step.look.error, step.look.exit_code)
        separate, copy = (_orders(steps, action) for action in ("separate", "copy"))
        total = sum(order.look.seconds for order in separate)
        done = 0.0
        causes: dict[Path | None, Outcome] = {}

        def told(seconds: float) -> None:
            progress(done + seconds, total)

        for order, outcome in self._fulfil(separate, runner, told):
            done += outcome.seconds
            if outcome.error:
                causes[order.job.folder] = outcome
            yield outcome
            if outcome.hopeless:
                return
        for order in copy:
            if cause := causes.get(order.donor):
                line = f"{order.job.source}: has the same audio as {cause.source}"
                yield failed(order.job.source, line, cause.exit_code)
        able = [order for order in copy if order.donor not in causes]
        for _, outcome in self._fulfil(able, runner, lambda seconds: None):
            yield outcome
            if outcome.hopeless:
                return

    def _fulfil(
        self, orders: Sequence[Order], runner: Runner, told: Callable[[float], None]
    ) -> Iterator[tuple[Order, Outcome]]:
        """The orders and how it went, checked with our own eyes."""
        for order, result in runner.run(fulfil, orders, told):
            source, folder = order.job.source, order.job.folder
            if isinstance(result, Lost):
                outcome = failed(
                    source, f"{source}: {result.reason}", 1, seconds=order.look.seconds
                )
            elif not result.error and not self._there(order):
                line = f"{folder}: was written, but not here; all machines must share the folders"
                outcome = failed(source, line, 1, seconds=order.look.seconds)
            else:
                outcome = result
            if outcome.error:
                self._failed.add(folder)
            yield order, outcome

    def _there(self, order: Order) -> bool:
        try:
            return StemFolder(order.job.folder).holds(self.settings.wanted(order.look.audio))
        except OSError:
            return False


def _orders(steps: Sequence[Step], action: str) -> list[Order]:
    return [Order(step.job, step.look, step.donor) for step in steps if step.action == action]


def _shared_name(path: Path) -> str:
    """How any machine finds the model: the name of a shipped one, else the whole path."""
    shipped = path.stem in model_names() and find_model(path.stem) == path
    return path.stem if shipped else str(path.resolve())


@contextmanager
def _made_and_locked(folder: Path) -> Iterator[None]:
    lock = -1
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.name != "nt":  # Windows opens no folders
            lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise AudioFileError(
            f"{folder}: cannot be written to ({error.strerror}); choose another folder"
        ) from None
    try:
        if lock >= 0 and held_by_another(lock):
            raise AudioFileError(
                f"{folder}: another `rtstem crate` is at work there; wait for its end"
            )
        yield
    finally:
        if lock >= 0:
            os.close(lock)
