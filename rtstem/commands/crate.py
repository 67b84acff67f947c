"""`rtstem crate`: a whole music library into stems, on all cores or on a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from .split import FORMATS

if TYPE_CHECKING:
    from ..crate import Crate
    from ..crate_cluster import Cluster
    from ..crate_plan import Step
    from ..crate_pool import Pool

PRESETS = ("acapella", "instrumental")


@click.command(
    name="crate",
    epilog="""\b
Examples:
  rtstem crate Music Stems                             Stems/Artist/song/vocals.wav, drums.wav, ...
  rtstem crate Music Stems --dry-run                   what there is to do, and how long the music is
  rtstem crate Music Stems --format flac --preset acapella --preset instrumental
  rtstem crate Music Stems --scheduler tcp://10.0.0.1:8786
Ended in whatever way, the same command goes on where it was; what is done is known by the content
of the audio file and the model, so moved and equal files are copied. A file that cannot be separated
is listed at the end, the others are done. Exit codes: 0 all songs have their stems, 2 some files
cannot be used, 1 another failure, 130 interrupted.
""",
)
@click.argument("library", metavar="SRC")
@click.argument("destination", metavar="DST")
@click.option("--model", default="live", show_default=True, metavar="M", help="Model name or path.")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="wav", show_default=True)
@click.option("--stems", metavar="A,B", help="Only these; accompaniment is all but the vocals.")
@click.option(
    "--preset",
    "presets",
    type=click.Choice(PRESETS),
    multiple=True,
    help="Only vocals.* (acapella), only accompaniment.* (instrumental); both may be given.",
)
@click.option(
    "--provider", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True
)
@click.option("--overwrite", is_flag=True, help="Do all again, and replace what is there already.")
@click.option("--dry-run", is_flag=True, help="List what there is to do, and do nothing.")
@click.option(
    "--jobs", type=click.IntRange(1, 1024), metavar="N", help="Songs at once; default: the cores."
)
@click.option("--scheduler", metavar="ADDRESS", help="Work on the cluster of this Dask scheduler.")
def command(
    library: str,
    destination: str,
    model: str,
    format_: str,
    stems: str | None,
    presets: tuple[str, ...],
    provider: str,
    overwrite: bool,
    dry_run: bool,
    jobs: int | None,
    scheduler: str | None,
) -> int:
    """Separate a music library, resumably, on all cores or a cluster."""
    from ..crate import open_crate

    if jobs and scheduler:
        raise click.UsageError("--jobs is for this machine, --scheduler for others: give one")
    wanted = _wanted(stems, presets)
    crate = open_crate(library, destination, model, provider, format_, wanted, overwrite)
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(crate.held())
        runner = _runner(jobs, scheduler)
        stack.enter_context(runner)
        steps = _look(crate, runner)
        return _list(crate, steps) if dry_run else _run(crate, steps, runner)


def _wanted(stems: str | None, presets: tuple[str, ...]) -> list[str] | None:
    """The stems to write; None for all of the model."""
    from ..stem_files import PRESETS as MEANING

    if stems is not None and presets:
        raise click.UsageError("--stems and --preset say the same thing: give one of them")
    if presets:
        return [stem for preset in presets for stem in MEANING[preset]]
    return [name.strip() for name in stems.split(",")] if stems is not None else None


def _runner(jobs: int | None, scheduler: str | None) -> Pool | Cluster:
    if scheduler:
        from ..crate_cluster import Cluster

        cluster = Cluster(scheduler)
        if not cluster.size:
            click.echo(f"note: {scheduler} has no workers yet; waiting for them", err=True)
        return cluster
    from ..crate_pool import Pool, cores

    return Pool(jobs or cores())


def _look(crate: Crate, runner: Pool | Cluster) -> list[Step]:
    from .output import progress_bar

    with progress_bar("looking at the files") as bar:
        return crate.plan(
            runner,
            lambda looked, songs: bar.update(
                "looking at the files", looked, songs, f"{looked} of {songs}"
            ),
        )


def _list(crate: Crate, steps: list[Step]) -> int:
    """Print what would be done."""
    from ..errors import printable

    for step in steps:
        what = {
            "separate": f"separate  {step.name} -> {step.job.folder}  ({step.look.seconds:.1f} s)",
            "copy": f"copy      {step.name} -> {step.job.folder}  (same audio as {step.donor})",
            "keep": f"done      {step.name}",
            "fail": f"error     {step.look.error}",
        }
        click.echo(printable(what[step.action]), err=step.action == "fail")
    open_ = [step.look.seconds for step in steps if step.action == "separate"]
    failed = [step.look.exit_code for step in steps if step.action == "fail"]
    kept = sum(step.action in ("keep", "copy") for step in steps)
    click.echo(
        f"{len(open_)} songs to separate ({sum(open_) / 3600:.2f} h), {kept} done or to copy, "
        f"{len(failed)} unusable"
    )
    return max(failed, default=0)


def _run(crate: Crate, steps: list[Step], runner: Pool | Cluster) -> int:
    """Do all steps; the bar shows seconds of audio, so that the time left is about right."""
    from .crate_view import CrateView
    from .output import progress_bar

    with progress_bar("separating") as bar:
        view = CrateView(bar, crate.library, len(steps))
        try:
            for outcome in crate.run(steps, runner, view.progress):
                view.show(outcome)
        except KeyboardInterrupt:
            view.interrupted()
            raise
    return view.summary()
