"""What the commands share for printing: consoles, tables, JSON; rich is loaded on first use."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

# Wide enough that no cell is cut where the output goes to a file or another program.
_PIPE_WIDTH = 200


def console(to_stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or wide enough for a pipe."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=to_stderr, width=width, highlight=False)


def starting() -> str:
    """What to show while the engine starts: the first time takes long, and one wants to know why."""
    from ..rt.jit import is_warm

    if is_warm():
        return "starting ..."
    return "compiling the audio engine, this once, for a minute or two ..."


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str] = ()
) -> None:
    """Print a table on standard output; the columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(c if isinstance(c, Text) else Text(printable(str(c))) for c in row))
    console().print(table)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print `value` as JSON on standard output, nothing else."""
    print(json.dumps(value, indent=2, default=str))  # ASCII: names need not be printable


class Bar:
    """One progress bar that changes its label, and lines printed beside it."""

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None, note="")

    def update(self, label: str, done: float, total: float, note: str) -> None:
        """Show `done` of `total`, with `note` behind the bar."""
        self._progress.update(self._task, description=label, completed=done, total=total, note=note)

    def print(self, line: str, error: bool = False) -> None:
        """Print a line on standard output, or standard error, above the bar."""
        self._progress.stop()
        click.echo(printable(line), err=error)
        self._progress.start()


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Bar]:
    """A bar on standard error for as long as the context lasts; nothing where that is no terminal.

    It writes to a descriptor of its own, so that `native_stderr` does not take it away.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with os.fdopen(os.dup(2), "w") as stream:
        progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=Console(file=stream),
            transient=True,
            disable=not stream.isatty(),
        )
        with progress:
            yield Bar(progress, label)
