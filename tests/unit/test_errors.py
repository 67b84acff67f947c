"""Messages are one line that a terminal takes for nothing but text, whatever is in it."""

from __future__ import annotations

import json
import pickle

import pytest

from rtstem.commands.output import print_json, print_table
from rtstem.errors import AudioFileError, ConfigError, one_line, printable
from rtstem.notices import Notices


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a.wav: is empty; record it again", "a.wav: is empty; record it again"),
        ("two  spaces", "two  spaces"),
        ("two\nlines\tand tabs", "two lines and tabs"),
        ("\x1b]0;title\x07\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J"),
        ("\u202egpj.wav", "\\u202egpj.wav"),
        ("\udcff.wav", "\\udcff.wav"),
        ("Größe 🎤", "Größe 🎤"),
    ],
)
def test_a_message_is_one_printable_line(text: str, line: str) -> None:
    assert str(ConfigError(text)) == line
    assert one_line(line) == printable(line) == line


def test_a_long_message_keeps_place_and_cure() -> None:
    line = str(AudioFileError(f"song.wav: {'x' * 100_000}; give another file"))
    assert len(line) < 1000
    assert line.startswith("song.wav: xxx")
    assert line.endswith("xxx; give another file")


def test_messages_go_to_other_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioFileError("a\nb")))
    assert (type(error), str(error)) == (AudioFileError, "a b")


def test_tables_json_and_notices_obey_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Names of files, devices and MIDI ports are whatever somebody has given them."""
    name = "\x1b]0;x\x07\udcff\u202e"
    print_table(("name",), [(name,)])
    print_json({"name": name})
    notices = Notices()
    notices.tell(f"MIDI: {name} connected")
    shown = capsys.readouterr().out + notices.last
    assert all(line.isprintable() for line in shown.splitlines())
    assert json.loads(shown[shown.index("{") : shown.index("}") + 1]) == {"name": name}
