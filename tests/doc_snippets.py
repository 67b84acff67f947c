"""What the pages say that can be checked: YAML, command lines, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^    (\S.*)$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_SECTION = re.compile(r"(web|osc|midi|audio): \{.*\}$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PREFIXES = re.compile(r"^(pw-jack( -p \d+)? |\.venv/bin/|ssh \w+ )+(?=rtstem)")


@dataclass(frozen=True)
class Snippet:
    """A text of a page, and the line on which it begins."""

    page: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def _blocks(page: Path) -> Iterator[tuple[str, Snippet]]:
    """(language, text) of fenced blocks."""
    text = page.read_text("utf-8")
    for block in _FENCE.finditer(text):
        indent = len(block[1])
        body = "\n".join(line[indent:] for line in block[3].split("\n"))
        yield block[2], Snippet(page, text.count("\n", 0, block.start()) + 2, body)


def _indented(page: Path) -> Iterator[Snippet]:
    """Lines of blocks that are indented and not fenced."""
    text = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), page.read_text("utf-8"))
    for line in _INDENTED.finditer(text):
        yield Snippet(page, text.count("\n", 0, line.start()) + 1, line[1])


def yaml_snippets() -> list[Snippet]:
    """All YAML of the pages: configurations, and profiles of controllers."""
    found = [s for page in PAGES for language, s in _blocks(page) if language == "yaml"]
    return found + [s for page in PAGES for s in _indented(page) if _SECTION.match(s.text)]


def commands() -> list[tuple[Snippet, list[str]]]:
    """All `rtstem` command lines of the pages with their words."""
    lines = []
    for page in PAGES:
        for language, block in _blocks(page):
            if language in ("", "sh"):
                for number, text in enumerate(block.text.split("\n")):
                    lines.append(Snippet(page, block.line + number, text))
        lines += _indented(page)
        text = page.read_text("utf-8")
        for span in _SPAN.finditer(text):
            lines.append(Snippet(page, text.count("\n", 0, span.start()) + 1, span[1]))
    parts = [
        (snippet, _PREFIXES.sub("", part.strip()))
        for snippet in lines
        for part in re.split(r"&&|\|", re.split(r"\s+#|\s{2,}", snippet.text.strip())[0])
    ]
    return [
        (snippet, shlex.split(part)[1:]) for snippet, part in parts if part.startswith("rtstem ")
    ]


def links() -> list[tuple[Snippet, str]]:
    """All targets of links and pictures within the project."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for link in _LINK.finditer(text):
            if not link[1].startswith(("http:", "https:")):
                found.append(
                    (Snippet(page, text.count("\n", 0, link.start()) + 1, link[0]), link[1])
                )
    return found
