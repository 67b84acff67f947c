"""A YAML file as plain data plus the line of every key; every failure is one ConfigError line.

Stricter than YAML in three points, each of which hides a mistake: a key given twice, a key that is
not text (`on:` is the truth value in YAML), and aliases (`*name`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError

MAX_BYTES = 256 * 1024
_TEXT_TAG = "tag:yaml.org,2002:str"

KeyPath = tuple[str | int, ...]
Lines = Mapping[KeyPath, int]


def read_yaml(path: Path) -> tuple[Any, Lines]:
    """Data of the file, and the 1-based line of each key and list item by its path in the data.

    An empty file gives None. Raises ConfigError when the file cannot be read or is not YAML.
    """
    text = _read_text(path)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        if node is None:
            return None, lines
        _note_lines(node, (), lines)
        return loader.construct_document(node), lines
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        raise ConfigError(f"{where}: {problem}; correct this line of YAML") from None
    except yaml.reader.ReaderError:
        raise ConfigError(f"{path}: has control characters; give a YAML text file") from None
    except RecursionError:
        raise ConfigError(f"{path}: is nested too deeply; give a configuration") from None


def _read_text(path: Path) -> str:
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder; give the .yaml file in it")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read ({reason}); check its permissions") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{path}: is over {MAX_BYTES // 1024} kB; give a configuration file")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text; give a YAML text file") from None


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses aliases, so that the node tree is a tree (and small)."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not supported: repeat the value", mark
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as error:
            # A value that looks like a date, number or !!tag but is none: PyYAML's constructors
            # let ValueError, KeyError, AttributeError and more through.
            problem = f"the value cannot be converted ({error}): put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def _note_lines(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int]) -> None:
    """Fill `lines` below `node`, refusing keys that are not text or come twice."""
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[(*path, i)] = item.start_mark.line + 1
            _note_lines(item, (*path, i), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag != _TEXT_TAG:
                problem = "a key must be text: put it in quotes"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            below = (*path, key.value)
            if below in lines:
                problem = f"key {key.value!a} is given twice (first on line {lines[below]})"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            lines[below] = key.start_mark.line + 1
            _note_lines(value, below, lines)
