"""Give rtstem hostile input and tell what it made of it; exit code 1 where a case was a failure."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import traceback
from pathlib import Path

from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

from rtstem.errors import RtstemError

from .run import Result, run_target
from .targets import NAMES, door, open_target
from .verdict import refusal


def main() -> int:
    """The command; gives its exit code."""
    options = _options()
    names = options.target or list(NAMES)
    if options.replay:
        return _replay(names[0], options.seed, options.replay)
    failed = False
    for name in names:
        result = _run(name, options)
        print(_line(result), flush=True)
        for what, path in result.failures:
            print(f"    FAILED: {what}\n            {path}", flush=True)
        if options.messages:
            ranked = sorted(result.messages.items(), key=lambda item: -item[1])
            print("\n".join(f"    {count:>7}  {message}" for message, count in ranked))
        if options.json:
            row = {k: v for k, v in vars(result).items() if k not in ("messages", "failures")}
            row |= {"errors": len(result.messages), "failures": [w for w, _ in result.failures]}
            with options.json.open("a") as file:
                file.write(json.dumps(row) + "\n")
        failed |= bool(result.failures)
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.fuzz",
        description=__doc__,
        epilog="Targets: " + "; ".join(f"{name}: {what}" for name, what in NAMES.items()),
    )
    parser.add_argument("target", nargs="*", metavar="TARGET", help="all of them if none")
    parser.add_argument("--cases", type=int, help="of each target (default: as many as it has)")
    parser.add_argument("--seed", type=int, default=1, help="another one gives other cases")
    parser.add_argument("--out", type=Path, default=Path("fuzz-out"), help="folder for failures")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="one kept input once more")
    parser.add_argument("--messages", action="store_true", help="list the kinds of messages too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="add a JSON line a target")
    options = parser.parse_args()
    for name in options.target:
        if name not in NAMES:
            parser.error(f"there is no target '{name}'; choose of {', '.join(NAMES)}")
    if options.replay and len(options.target) != 1:
        parser.error("--replay wants the one target that the file was for")
    if options.replay and not options.replay.is_file():
        parser.error(f"{options.replay}: no such file; give one of the folder of failures")
    if options.cases is not None and options.cases < 1:
        parser.error("--cases must be 1 or more")
    return options


def _run(name: str, options: argparse.Namespace) -> Result:
    cases = options.cases or door(name).cases
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=cases)
        return run_target(
            name, options.seed, cases, options.out, lambda done: bar.update(task, completed=done)
        )


def _line(result: Result) -> str:
    rate = result.cases / max(result.seconds, 1e-9)
    return (
        f"{result.name:<9} {result.cases:>8} cases {result.seconds:>7.0f} s {rate:>7.0f} /s "
        f"{len(result.messages):>5} kinds of errors {sum(result.messages.values()):>8} refusals "
        f"{len(result.failures):>4} failures {result.deaths:>3} deaths   "
        f"slowest {result.slowest[0]:.2f} s (case {result.slowest[1]})"
    )


def _replay(name: str, seed: int, path: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="rtstem-fuzz-") as folder:
        target = open_target(name, seed, Path(folder))
        try:
            target.feed(path.read_bytes())
            print("taken")
        except RtstemError as error:
            refusal(error)
            print(f"refused: {error}")
        except Exception:
            traceback.print_exc()
            return 1
        finally:
            target.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
