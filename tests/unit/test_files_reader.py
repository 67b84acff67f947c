"""Files and folders as the input of the live engine."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.errors import AudioFileError
from rtstem.io.files import FileReader, FolderReader, open_reader


def write(path: Path, frames: int = 20_000, channels: int = 2, rate: int = 44100) -> np.ndarray:
    """A float wav of noise, returned as written."""
    generator = np.random.default_rng(frames)
    audio = (generator.standard_normal((frames, channels)) * 0.1).astype(np.float32)
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return audio


def drain(reader: FileReader | FolderReader, frames: int) -> np.ndarray:
    """All of a reader; every block but the last must be full, and the end must last."""
    blocks = [reader.read(frames)]
    while len(blocks[-1]) == frames:
        blocks.append(reader.read(frames))
    assert reader.read(frames).shape == (0, 2)
    reader.close()
    assert all(block.dtype == np.float32 for block in blocks)
    return np.concatenate(blocks)


@pytest.mark.parametrize("block", [1, 64, 1000, 20_000, 50_000])
def test_blocks_of_any_size_join_to_the_file(tmp_path, block):
    audio = write(tmp_path / "a.wav", 2_000 if block == 1 else 20_000)
    reader = FileReader(tmp_path / "a.wav")
    assert (reader.rate, reader.file_rate) == (44100, 44100)
    assert reader.seconds == len(audio) / 44100
    assert np.array_equal(drain(reader, block), audio)


@pytest.mark.parametrize(("channels", "taken"), [(1, [0, 0]), (2, [0, 1]), (6, [0, 1])])
def test_any_channel_count_becomes_stereo(tmp_path, channels, taken):
    audio = write(tmp_path / "a.wav", channels=channels)
    assert np.array_equal(drain(FileReader(tmp_path / "a.wav"), 512), audio[:, taken])


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000, 192000])
def test_another_rate_is_resampled_without_delay_or_drift(tmp_path, rate):
    seconds = np.arange(2 * rate) / rate
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds), rate, "FLOAT")
    reader = FileReader(tmp_path / "a.wav", 44100)
    assert (reader.rate, reader.file_rate, reader.seconds) == (44100, rate, 2.0)
    audio = drain(reader, 300)
    assert len(audio) == 2 * 44100
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(audio)) / 44100)
    assert np.abs(audio - expected[:, None])[1000:-1000].max() < 1e-5


def test_one_sample(tmp_path):
    audio = write(tmp_path / "a.wav", 1, 1)
    assert np.array_equal(drain(FileReader(tmp_path / "a.wav"), 256), np.repeat(audio, 2, axis=1))


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(frames: int) -> int:
        write(tmp_path / "a.wav", frames)
        tracemalloc.start()
        reader = FileReader(tmp_path / "a.wav", 48000)
        while len(reader.read(1024)):
            pass
        reader.close()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(2_000_000) < peak(100_000) + 100_000


def test_a_file_without_a_good_sample_fails_when_it_is_opened(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).standard_normal(40_000) * 0.1, 44100)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(AudioFileError, match="no sample can be decoded"):
        FileReader(path)


def test_a_truncated_file_plays_what_it_has_and_warns(tmp_path):
    path = tmp_path / "a.wav"
    audio = write(path)
    path.write_bytes(path.read_bytes()[:100_000])
    notes: list[str] = []
    played = drain(FileReader(path, warn=notes.append), 512)
    assert np.array_equal(played, audio[: len(played)])
    assert len(played) == pytest.approx(12_500, abs=50)
    assert len(notes) == 1
    assert "truncated" in notes[0]


def test_a_folder_plays_its_files_in_natural_order_without_a_gap(tmp_path):
    tracks = {name: write(tmp_path / name, n) for name, n in [("Track 10.wav", 1000)]}
    tracks |= {name: write(tmp_path / name, n) for name, n in [("track 2.wav", 3000)]}
    tracks |= {name: write(tmp_path / name, n, 1) for name, n in [("track 1.WAV", 17_000)]}
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / ".hidden.wav").write_bytes(b"")
    (tmp_path / "folder.wav").mkdir()
    notes: list[str] = []
    reader = FolderReader(tmp_path, warn=notes.append)
    assert reader.rate == 44100
    assert reader.seconds == pytest.approx(21_000 / 44100)
    played = drain(reader, 700)
    first = np.repeat(tracks["track 1.WAV"], 2, axis=1)
    expected = np.concatenate([first, tracks["track 2.wav"], tracks["Track 10.wav"]])
    assert np.array_equal(played, expected)
    assert notes == []


def test_files_of_a_folder_that_cannot_be_read_are_skipped_with_a_warning(tmp_path):
    (tmp_path / "1.wav").write_bytes(b"")
    audio = write(tmp_path / "2.wav")
    (tmp_path / "3.mp3").write_text("not music")
    notes: list[str] = []
    assert np.array_equal(drain(FolderReader(tmp_path, warn=notes.append), 512), audio)
    assert [note.split(": ")[0] for note in notes] == ["skipped", "skipped"]
    assert "1.wav: is empty" in notes[0]
    assert "3.mp3: is a text file" in notes[1]


def test_a_folder_keeps_the_rate_of_its_first_file(tmp_path):
    write(tmp_path / "1.wav", 4_800, rate=48000)
    write(tmp_path / "2.wav", 4_410, rate=44100)
    reader = open_reader(tmp_path)
    assert isinstance(reader, FolderReader)
    assert (reader.rate, reader.file_rate) == (48000, 48000)
    assert len(drain(reader, 512)) == 9_600


@pytest.mark.parametrize("names", [[], ["notes.txt"], ["bad.wav"]])
def test_a_folder_without_audio(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("words")
    with pytest.raises(AudioFileError, match="no audio file in this folder can be read"):
        open_reader(tmp_path)


def test_a_path_that_is_not_there():
    with pytest.raises(AudioFileError, match="no such file"):
        open_reader("nowhere/song.wav")
