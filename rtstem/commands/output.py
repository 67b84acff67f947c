"""What the commands share for printing: consoles, tables, JSON; rich is loaded on first use."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Wide enough that no cell is cut where the output goes to a file or another program.
_PIPE_WIDTH = 200


def console(to_stderr: bool = False) -> Console:
    """Return a console as wide as the terminal, or wide enough for a pipe."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=to_stderr, width=width, highlight=False)


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
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console().print(table)


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print `value` as JSON on standard output, nothing else."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
