"""What there is to do for every song of a library: nothing is changed by finding it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from .crate_files import Song, find_songs
from .crate_index import stem_folders
from .crate_pool import Lost, R, T, Task, Told
from .crate_work import Job, Look, Settings, look


class Runner(Protocol):
    """Where the work is done: `crate_pool.Pool` or `crate_cluster.Cluster`."""

    def run(self, task: Task[T, R], items: Sequence[T], told: Told) -> Iterator[tuple[T, R | Lost]]:
        """(item, what the task gave for it) as they get done."""
        ...


@dataclass(frozen=True)
class Step:
    """What there is to do for one song."""

    name: Path
    """Of the song, from the library's folder on."""
    job: Job
    look: Look
    action: Literal["keep", "separate", "copy", "fail"]
    donor: Path | None = None
    """For "copy": the folder that has, or will have, the stems of the same audio."""


def find_steps(
    library: Path,
    destination: Path,
    settings: Settings,
    runner: Runner,
    on_look: Callable[[int, int], None],
) -> list[Step]:
    """Look at all songs of `library`; on_look hears (songs looked at, songs)."""
    songs, unread = find_songs(library, destination)
    jobs = {Job(song.source, destination / song.folder, settings): song for song in songs}
    looks: dict[Job, Look] = {}
    for job, seen in runner.run(look, list(jobs), lambda seconds: None):
        if isinstance(seen, Lost):
            seen = Look(error=f"{job.source}: {seen.reason}", exit_code=1)
        looks[job] = seen
        on_look(len(looks), len(jobs))
    donors = {} if settings.overwrite else _donors(destination, settings)
    steps = _decide(jobs, looks, donors)
    for folder, reason in unread:
        line = f"{folder}: cannot be read ({reason}); check its permissions"
        job = Job(folder, destination, settings)
        name = folder.relative_to(library)
        steps.append(Step(name, job, Look(error=line, exit_code=2), "fail"))
    return steps


def _donors(destination: Path, settings: Settings) -> dict[str, Path]:
    """Hash of an audio file -> folder that has its stems as the settings want them."""
    return {
        audio: folder.path
        for folder in stem_folders(destination)
        for audio in folder.audio()
        if folder.holds(settings.wanted(audio))
    }


def _decide(
    jobs: Mapping[Job, Song], looks: Mapping[Job, Look], donors: dict[str, Path]
) -> list[Step]:
    """One step a song, in their order; of songs with equal audio the first is separated."""
    steps = []
    for job, song in jobs.items():
        seen = looks[job]
        if seen.error:
            steps.append(Step(song.name, job, seen, "fail"))
        elif seen.held:
            steps.append(Step(song.name, job, seen, "keep"))
        elif seen.audio in donors:
            steps.append(Step(song.name, job, seen, "copy", donors[seen.audio]))
        else:
            donors[seen.audio] = job.folder
            steps.append(Step(song.name, job, seen, "separate"))
    return steps
