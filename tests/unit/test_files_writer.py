"""Output files appear complete and together, or not at all."""

from __future__ import annotations

import os
import pkgutil
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.errors import AudioFileError
from rtstem.io import writer
from rtstem.io.writer import FORMATS, AudioFileSet, DiskFullError, Format

FRAMES = 20_000


def samples(integer: bool, seed: int = 0) -> np.ndarray:
    audio = np.random.default_rng(seed).standard_normal((FRAMES, 2)) * 0.1
    return np.rint(audio * 2**23).astype(np.int32) if integer else audio.astype(np.float32)


def write(files: dict[str, Path], kind: Format, error: BaseException | None = None) -> None:
    """Noise into each of `files`, replacing what is there; then `error`, if any."""
    with AudioFileSet(files, kind, 44100, 2, FRAMES, overwrite=True) as output:
        for name in files:
            output.write(name, samples(kind.integer))
        if error:
            raise error


def targets(folder: Path, suffix: str = ".wav") -> dict[str, Path]:
    return {name: folder / "song" / (name + suffix) for name in ("vocals", "rest")}


def begin(*arguments, **options):
    """Open the files, write nothing."""
    with AudioFileSet(*arguments, **options):
        pass


def left_in(folder: Path) -> list[str]:
    """All files and folders below `folder`, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The system refuses files beyond `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("name", FORMATS)
def test_samples_come_back_bit_for_bit(tmp_path, name):
    kind = FORMATS[name]
    audio = samples(kind.integer)
    files = targets(tmp_path, kind.suffix)
    with AudioFileSet(files, kind, 48000, 2, FRAMES) as output:
        for start in range(0, FRAMES, 3000):
            output.write("vocals", audio[start : start + 3000])
            output.write("rest", audio[start : start + 3000])
        assert not any(path.exists() for path in files.values())
    for path in files.values():
        info = soundfile.info(path)
        assert (info.format, info.subtype) == (kind.major, kind.subtype)
        assert (info.samplerate, info.channels, info.frames) == (48000, 2, FRAMES)
        read = soundfile.read(path, dtype="int32" if kind.integer else "float32")[0]
        assert np.array_equal(read >> 8 if kind.integer else read, audio)
    assert left_in(tmp_path) == sorted(
        ["song", f"song/rest{kind.suffix}", f"song/vocals{kind.suffix}"]
    )


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_or_ctrl_c_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        write(targets(tmp_path), FORMATS["wav"], error())
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("opened", ["part.held_by_another", "writer.soundfile.SoundFile"])
def test_ctrl_c_while_files_are_opened_leaves_nothing(tmp_path, monkeypatch, opened):
    """In the second of them, after it has come into being."""
    calls = []

    def second(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    module, _, name = f"rtstem.io.{opened}".rpartition(".")
    original = getattr(pkgutil.resolve_name(module), name)
    monkeypatch.setattr(f"{module}.{name}", second)
    with pytest.raises(KeyboardInterrupt):
        write(targets(tmp_path), FORMATS["wav"])
    assert left_in(tmp_path) == []


def test_an_error_leaves_what_was_there_before(tmp_path):
    files = targets(tmp_path)
    files["vocals"].parent.mkdir()
    files["vocals"].write_bytes(b"old")
    with pytest.raises(RuntimeError):
        write(files, FORMATS["wav"], RuntimeError())
    assert left_in(tmp_path) == ["song", "song/vocals.wav"]
    assert files["vocals"].read_bytes() == b"old"


def test_existing_files_are_replaced_only_when_asked(tmp_path):
    files = targets(tmp_path)
    files["rest"].parent.mkdir()
    files["rest"].write_bytes(b"old")
    with pytest.raises(AudioFileError, match=r"rest\.wav: exists already") as caught:
        begin(files, FORMATS["wav"], 44100, 2, FRAMES)
    assert caught.value.exit_code == 2
    assert left_in(tmp_path) == ["song", "song/rest.wav"]
    write(files, FORMATS["wav"])
    assert soundfile.info(files["rest"]).frames == FRAMES


def test_a_target_that_is_a_folder(tmp_path):
    files = targets(tmp_path)
    files["rest"].mkdir(parents=True)
    with pytest.raises(AudioFileError, match=r"rest\.wav: is a folder"):
        begin(files, FORMATS["wav"], 44100, 2, FRAMES, overwrite=True)


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file" / "out", Path("/proc/out")):
        with pytest.raises(AudioFileError, match="cannot be written to") as caught:
            begin(targets(folder), FORMATS["wav"], 44100, 2, FRAMES)
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(AudioFileError, match=r"cannot be written to \(Permission denied\)"):
        begin(targets(tmp_path), FORMATS["wav"], 44100, 2, FRAMES)


def test_a_format_that_cannot_hold_the_channels(tmp_path):
    with pytest.raises(AudioFileError, match="flac cannot hold 12 channels at 44100 Hz") as caught:
        begin(targets(tmp_path, ".flac"), FORMATS["flac"], 44100, 12, FRAMES)
    assert caught.value.exit_code == 2
    assert left_in(tmp_path) == []


def test_more_than_the_free_space_is_refused_before_the_work(tmp_path, monkeypatch):
    free = FRAMES * 2 * 4 * 2
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=free))
    begin(targets(tmp_path), FORMATS["wav"], 44100, 2, FRAMES, overwrite=True)
    shutil.rmtree(tmp_path / "song")
    with pytest.raises(DiskFullError, match=r"disk full \(0 MB needed, 0 MB free\)") as caught:
        begin(targets(tmp_path), FORMATS["wav"], 44100, 2, FRAMES + 1)
    assert caught.value.exit_code == 1
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path, name, share):
    """0.999: of a flac only the block is lost that the encoder writes when it is closed."""
    kind = FORMATS[name]
    write({"whole": tmp_path / "whole"}, kind)
    size = (tmp_path / "whole").stat().st_size
    (tmp_path / "whole").unlink()
    with file_size_limit(int(size * share)):
        with pytest.raises(DiskFullError, match=r"\(File too large\)") as caught:
            write(targets(tmp_path), kind)
        assert caught.value.exit_code == 1
        assert "\n" not in str(caught.value)
    assert left_in(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(small_disk):
    with pytest.raises(DiskFullError, match=r"disk full \(No space left on device\)"):
        write(targets(small_disk, ".flac"), FORMATS["flac"])
    assert left_in(small_disk) == []


def test_a_wav_too_large_for_its_header_becomes_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_WAV_LIMIT", 1000)
    files = targets(tmp_path)
    write(files, FORMATS["wav"])
    assert soundfile.info(files["vocals"]).format == "RF64"
    assert np.array_equal(soundfile.read(files["vocals"], dtype="float32")[0], samples(False))
