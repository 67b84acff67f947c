"""The command line: finds the command, turns every error into one line and an exit code.

Nothing heavy is imported here or at the top of a command module: `rtstem --help` loads click only.
Exit codes: 0 done, 1 failure while running, 2 wrong usage or input, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from . import __version__
from .errors import RtstemError, one_line
from .interrupt import end_like_ctrl_c

SECTIONS: dict[str, tuple[str, ...]] = {
    "Play": ("demo", "live"),
    "Files": ("split", "crate", "replay"),
    "This machine": ("devices", "midi", "models", "doctor", "bench", "soak"),
}
DEBUG_VARIABLE = "RTSTEM_DEBUG"


class CommandGroup(click.Group):
    """Loads `rtstem.commands.NAME` on demand and lists the commands by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the help page."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one module that holds the command; None for an unknown name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"rtstem.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one titled list for each section."""
        for title, names in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, found.get_short_help_str(80)) for name, found in commands if found]
            with formatter.section(title):
                formatter.write_dl(rows, col_spacing=4)


def _remember_debug(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    """Keep the wish where the outermost handler finds it, after click's context is gone."""
    if wanted:
        os.environ[DEBUG_VARIABLE] = "1"


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  rtstem demo                       hear and see it work, no sound card needed
  rtstem live                       default sound card in and out, faders on the keys
  rtstem split song.mp3 -o stems    four files that sum to the song
  rtstem doctor                     what this machine has, and what to do about each lack
""",
)
@click.version_option(__version__, prog_name="rtstem")
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_remember_debug,
    help=f"Show the traceback of an error (or set {DEBUG_VARIABLE}=1).",
)
def cli() -> None:
    """Pull the vocals, drums, bass or the rest of any music up and down while it plays."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    try:
        code = cli.main(arguments, prog_name="rtstem", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        return _reader_gone()
    except RtstemError as error:
        return _fail(error, str(error), error.exit_code)
    except OSError as error:
        if error.errno == errno.EPIPE:
            return _reader_gone()
        place = f"{error.filename}: " if error.filename else ""
        return _fail(error, f"{place}{error.strerror or error}", 1)
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200]
        what = f"internal error: {type(error).__name__}: {first}"
        return _fail(error, f"{what} (a bug: please report it with the output of --debug)", 1)
    return code if isinstance(code, int) else 0


def _fail(error: BaseException, message: str, code: int) -> int:
    """Print the one line, and the traceback where the user asked for it."""
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(error)
    line = one_line(" ".join(message.split()))
    click.echo(f"error: {line}" if not line.startswith("internal error") else line, err=True)
    return code


def _reader_gone() -> int:
    """Send what is still buffered nowhere: `rtstem ... | head` ends without a complaint."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def main() -> NoReturn:
    """Entry point of the `rtstem` script."""
    end_like_ctrl_c()
    sys.exit(run())
