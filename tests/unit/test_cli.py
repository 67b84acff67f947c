"""The frame of the command line: what it loads, and how errors become one line and an exit code."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from rtstem import __version__, cli
from rtstem.errors import ConfigError, EngineError, RtstemError
from rtstem.rt.cuda import gpu_present

HEAVY = {"numba", "onnxruntime", "numpy", "pydantic", "rich", "yaml", "sounddevice", "matplotlib"}
COMMANDS = [name for names in cli.SECTIONS.values() for name in names]


def pages(group: click.Group, path: list[str]) -> list[list[str]]:
    """The words that lead to every help page below `group`."""
    found = [path]
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        deeper = [*path, name]
        found += pages(command, deeper) if isinstance(command, click.Group) else [deeper]
    return found


PAGES = pages(cli.cli, [])


def python(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["split", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from rtstem.cli import run; run({arguments!r}); "
        "print('LOADED', *{name.partition('.')[0] for name in sys.modules})"
    )
    done = python(code)
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_every_help_page_has_examples(page: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([*page, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(" ".join(["Usage: rtstem", *page]))
    assert "Example" in out
    assert f"rtstem {page[0] if page else 'demo'}" in out.partition("Example")[2]


def test_help_lists_every_command_in_a_section(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert all(f"\n{title}:\n" in out for title in cli.SECTIONS)
    assert "..." not in out.partition("Play:")[2], "a summary was cut"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["nonsense"], ["split"], ["live", "--provider", "tpu"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 2
    assert "Error:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["live", "bench"])
def test_a_provider_that_is_not_here_is_one_line_with_the_cure(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if gpu_present():
        pytest.skip("a GPU is present")
    song = ["--input", "virtual:silence", "--output", "virtual"] if command == "live" else []
    assert cli.run([command, "--provider", "cuda", *song]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    assert "provider cuda: no NVIDIA driver answers; install the driver of the card" in line


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `rtstem doctor` do nothing but raise."""

    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr("rtstem.commands.doctor.command", command)
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("a.yaml:3: x: wrong"), 2, "error: a.yaml:3: x: wrong\n"),
        (EngineError("server\ngone"), 1, "error: server gone\n"),
        (RtstemError("plain"), 1, "error: plain\n"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 1, "error: /x: No space left\n"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors_become_one_line(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, error)
    assert cli.run(["doctor"]) == code
    assert capsys.readouterr().err == line


def test_a_bug_is_one_line_unless_debugging(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, ZeroDivisionError("by zero"))
    assert cli.run(["doctor"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("internal error: ZeroDivisionError: by zero")
    assert "report" in err
    assert err.count("\n") == 1
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "0")  # to be restored, as --debug sets it
    assert cli.run(["--debug", "doctor"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "internal error" in err


def test_a_reader_that_stops_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)  # before there is a word to read
    done = subprocess.run(
        [sys.executable, "-m", "rtstem", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


def readme_blocks(language: str) -> list[str]:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_readme_names_only_commands_and_options_that_exist() -> None:
    lines = [line for block in readme_blocks("sh") for line in block.splitlines()]
    calls = [line.partition("#")[0].split() for line in lines if line.startswith("rtstem ")]
    assert len(calls) >= 7
    for _, name, *words in calls:
        command = cli.cli.get_command(click.Context(cli.cli), name)
        assert command, name
        known = {option for param in command.params for option in param.opts}
        assert {word for word in words if word.startswith("-")} <= known


def test_readme_configuration_is_valid() -> None:
    import yaml

    from rtstem.config import check_stems, make_config

    (block,) = readme_blocks("yaml")
    check_stems(make_config(yaml.safe_load(block)), ("vocals", "drums", "bass", "other"))


def test_readme_python_compiles_and_uses_what_there_is() -> None:
    import rtstem

    (block,) = readme_blocks("python")
    compile(block, "README.md", "exec")
    assert set(re.findall(r"rtstem\.(\w+)", block)) <= set(rtstem.__all__)
