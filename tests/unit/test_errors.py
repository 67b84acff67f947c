"""Messages are one line that a terminal takes for nothing but text, whatever is in it."""

from __future__ import annotations

import pickle

import pytest

from rtstem.errors import AudioFileError, ConfigError, one_line


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
    assert one_line(line) == line


def test_a_long_message_keeps_place_and_cure() -> None:
    line = str(AudioFileError(f"song.wav: {'x' * 100_000}; give another file"))
    assert len(line) < 1000
    assert line.startswith("song.wav: xxx")
    assert line.endswith("xxx; give another file")


def test_messages_go_to_other_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioFileError("a\nb")))
    assert (type(error), str(error)) == (AudioFileError, "a b")
