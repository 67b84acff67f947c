"""`rtstem doctor`: what this machine has, and what to do about each lack."""

from __future__ import annotations

from dataclasses import asdict

import click

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command(
    name="doctor",
    epilog="""\b
Examples:
  rtstem doctor
  rtstem doctor --json > doctor.json    for a bug report
Exit code 1 where something is missing that rtstem cannot do without.
""",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of the table.")
def command(as_json: bool) -> int:
    """Say what this machine has, and what to do about each lack."""
    from ..doctor import run_doctor
    from .output import console, print_json

    if as_json:
        report = run_doctor()
        print_json([asdict(check) for check in report])
    else:
        from rich.table import Table
        from rich.text import Text

        with console(to_stderr=True).status("looking ...") as status:
            report = run_doctor(lambda name: status.update(f"looking at {name} ..."))
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for check in report:
            mark = Text(check.status, style=COLOURS[check.status])
            table.add_row(mark, Text(check.name), Text(check.found))
            if check.cure:
                table.add_row("", "", Text(f"-> {check.cure}", style="italic"))
        console().print(table)
        click.echo(_verdict([check.status for check in report]))
    return int(any(check.status == "fail" for check in report))


def _verdict(statuses: list[str]) -> str:
    """Return the last line: what the whole list comes to."""
    failed, warned = statuses.count("fail"), statuses.count("warn")
    if failed:
        return f"\n{failed} of {len(statuses)} must be mended before rtstem works."
    if warned:
        return f"\nReady; {warned} of {len(statuses)} could be better."
    return "\nReady; nothing to do."
