"""The crate's parts in one process: what is found, what is known, what is decided and done."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.crate import Crate, open_crate
from rtstem.crate_files import find_songs
from rtstem.crate_index import SIDECAR, StemFolder, Wanted, clean, remove_empty
from rtstem.crate_work import Outcome
from rtstem.errors import AudioFileError, ConfigError
from rtstem.io.part import PartFile, remove_stale, write_whole
from rtstem.offline import split_file
from tests.crate_library import assert_whole, pcm24, song, temporaries
from tests.models import STEMS, tiny_model


class Inline:
    """A runner that does everything here and now."""

    def run(self, task, items, told) -> Iterator:
        for item in items:
            yield item, task(item, told)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


@pytest.fixture
def crate(tmp_path: Path, tiny: Path) -> Callable[..., Crate]:
    """crate(**options): from `in` to `out`, tiny model, flac."""

    def make(**options: object) -> Crate:
        (tmp_path / "in").mkdir(exist_ok=True)
        settings = {"model": tiny, "format": "flac"} | options
        return open_crate(tmp_path / "in", tmp_path / "out", **settings)

    return make


def done(crate: Crate) -> dict[str, Outcome]:
    """Run all of it; outcomes by the song's name."""
    with crate.held():
        outcomes = list(crate.run(crate.plan(Inline()), Inline()))
    return {str(outcome.source.relative_to(crate.library)): outcome for outcome in outcomes}


def results(crate: Crate) -> dict[str, str]:
    return {name: outcome.result for name, outcome in done(crate).items()}


# What is found


def names(library: Path, destination: Path) -> dict[str, str]:
    songs, unread = find_songs(library, destination)
    assert not unread
    return {str(found.name): str(found.folder) for found in songs}


def touch(library: Path, *files: str) -> None:
    for name in files:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).touch()


def test_songs_are_found_in_order_with_their_tree(tmp_path):
    touch(tmp_path, "b.wav", "a.MP3", "x/c.flac", "x/.d.wav", "x/e.txt", ".y/f.wav")
    found = names(tmp_path, tmp_path / "out")
    assert list(found.items()) == [("a.MP3", "a"), ("b.wav", "b"), ("x/c.flac", "x/c")]


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        (["a.mp3", "a.flac", "b.mp3"], {"a.mp3", "a.flac", "b"}),
        (["a.mp3", "A.flac"], {"a.mp3", "A.flac"}),
        (["e\u0301.mp3", "\u00e9.flac"], {"e\u0301.mp3", "\u00e9.flac"}),
        (["a.mp3", "a/b.mp3"], {"a.mp3", "a/b"}),
        (["a.mp3", "A.MP3"], {"A.MP3", "a.mp3-2"}),
        (["vol. 1..mp3"], {"vol. 1"}),
    ],
)
def test_no_two_songs_share_a_folder(tmp_path, files, folders):
    touch(tmp_path, *files)
    assert set(names(tmp_path, tmp_path / "out").values()) == folders


def test_a_song_keeps_its_folder_whatever_the_order(tmp_path):
    touch(tmp_path, "m.flac", "m.mp3")
    before = names(tmp_path, tmp_path / "out")
    touch(tmp_path, "m.aiff")
    assert names(tmp_path, tmp_path / "out").items() >= before.items()


def test_stems_are_no_songs(tmp_path):
    touch(tmp_path, "a.wav", "out/a/vocals.wav", "old stems/a/vocals.wav", f"old stems/a/{SIDECAR}")
    assert set(names(tmp_path, tmp_path / "out")) == {"a.wav"}


def test_circles_and_doors_are_entered_once(tmp_path):
    touch(tmp_path, "in/a.wav", "elsewhere/b.wav")
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "door").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "door2").symlink_to(tmp_path / "elsewhere")
    assert set(names(tmp_path / "in", tmp_path / "out")) == {"a.wav", "door/b.wav"}


# What is known

WANTED = Wanted("audio", "model", "flac", ("vocals.flac", "bass.flac"))


def complete(folder: Path) -> None:
    stems = StemFolder(folder)
    stems.begin(WANTED)
    for name in WANTED.files:
        (folder / name).write_bytes(b"1234")
    stems.complete(WANTED)


def test_a_record_tells_what_is_there(tmp_path):
    assert not StemFolder(tmp_path / "song").holds(WANTED)
    complete(tmp_path / "song")
    assert StemFolder(tmp_path / "song").holds(WANTED)
    for other in (
        Wanted("other", "model", "flac", WANTED.files),
        Wanted("audio", "other", "flac", WANTED.files),
        Wanted("audio", "model", "wav", WANTED.files),
        Wanted("audio", "model", "flac", ("drums.flac",)),
    ):
        assert not StemFolder(tmp_path / "song").holds(other)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_files_that_are_lost_or_cut_are_not_held(tmp_path, damage):
    complete(tmp_path)
    damage(tmp_path / "bass.flac")
    assert not StemFolder(tmp_path).holds(WANTED)


def test_what_was_begun_is_not_held_but_ours(tmp_path):
    complete(tmp_path)
    StemFolder(tmp_path).begin(WANTED)
    stems = StemFolder(tmp_path)
    assert not stems.holds(WANTED)
    assert stems.foreign(WANTED) is None


BROKEN = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\x00\xff\xfe",
    b'{"version": 2, "files": {}}',
    b'{"version": 1, "files": {"vocals.flac": 3}}',
    b'{"version": 1, "files": {"vocals.flac": {"audio": "audio", "model": "model"}}}',
    b"[" * 100_000,
    b" " * 2_000_000 + b'{"version": 1, "files": {}}',
]


@pytest.mark.parametrize("content", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_record_tells_nothing_and_harms_nothing(tmp_path, content):
    complete(tmp_path)
    (tmp_path / SIDECAR).write_bytes(content)
    stems = StemFolder(tmp_path)
    assert not stems.holds(WANTED)
    assert stems.foreign(WANTED) is None
    complete(tmp_path)
    assert StemFolder(tmp_path).holds(WANTED)


def test_a_file_is_foreign_where_the_record_does_not_name_it(tmp_path):
    (tmp_path / "bass.flac").touch()
    assert StemFolder(tmp_path).foreign(WANTED) == tmp_path / "bass.flac"
    complete(tmp_path)
    assert StemFolder(tmp_path).foreign(WANTED) is None


def test_giving_up_leaves_no_folder_and_no_claim(tmp_path):
    stems = StemFolder(tmp_path / "song")
    stems.begin(WANTED)
    stems.abandon(WANTED)
    assert not (tmp_path / "song").exists()
    complete(tmp_path / "song")
    more = Wanted("audio", "model", "flac", ("drums.flac",))
    stems = StemFolder(tmp_path / "song")
    stems.begin(more)
    stems.abandon(more)
    assert StemFolder(tmp_path / "song").holds(WANTED)
    assert "drums.flac" not in (tmp_path / "song" / SIDECAR).read_text()


# Temporary files


def test_temporaries_of_the_dead_are_removed_and_of_the_living_kept(tmp_path):
    part = PartFile(tmp_path / "vocals.wav")
    part.create()
    assert not remove_stale(part.path)
    code = (
        "import os; from pathlib import Path; from rtstem.io.part import PartFile; "
        "PartFile(Path('drums.wav')).create(); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path)
    (tmp_path / ".mine.part").touch()
    (tmp_path / "x.0123abcd.part").touch()
    assert len(temporaries(tmp_path)) == 4
    clean(tmp_path)
    assert {path.name for path in temporaries(tmp_path)} == {
        part.path.name,
        ".mine.part",
        "x.0123abcd.part",
    }
    part.publish()
    assert (tmp_path / "vocals.wav").exists()


def test_a_file_is_replaced_in_one_step(tmp_path, monkeypatch):
    write_whole(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", lambda descriptor: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_only_empty_folders_are_removed(tmp_path):
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "kept").touch()
    remove_empty(tmp_path / "a" / "b" / "c" / "never made", tmp_path)
    assert os.listdir(tmp_path / "a") == ["kept"]
    remove_empty(tmp_path, tmp_path)
    assert tmp_path.exists()


# What is decided and done


def test_a_song_is_split_as_split_does_it(tmp_path, crate, tiny):
    source = song(tmp_path / "in" / "x" / "song.wav", 48000, 1)
    assert results(crate()) == {"x/song.wav": "separated"}
    assert_whole(tmp_path / "out" / "x" / "song", source, STEMS)
    report = split_file(source, tmp_path / "split", tiny, format="flac")
    for path in report.files.values():
        assert (tmp_path / "out" / "x" / "song" / path.name).read_bytes() == path.read_bytes()


def test_what_is_done_is_skipped_by_content(tmp_path, crate):
    source = song(tmp_path / "in" / "song.wav")
    assert results(crate()) == {"song.wav": "separated"}
    os.utime(source, (1, 1))
    assert results(crate()) == {"song.wav": "kept"}
    stamp = source.stat()
    song(source, seed=1)
    os.utime(source, (1, 1))
    assert source.stat().st_size == stamp.st_size
    assert results(crate()) == {"song.wav": "separated"}
    assert_whole(tmp_path / "out" / "song", source, STEMS)
    assert results(crate(overwrite=True)) == {"song.wav": "separated"}


def test_what_is_asked_for_in_two_runs_is_there_after_both(tmp_path, crate):
    song(tmp_path / "in" / "song.wav")
    assert results(crate(stems=["vocals"])) == {"song.wav": "separated"}
    assert results(crate(stems=["accompaniment"])) == {"song.wav": "separated"}
    assert results(crate(stems=["vocals", "accompaniment"])) == {"song.wav": "kept"}
    assert results(crate(format="wav", stems=["vocals"])) == {"song.wav": "separated"}
    assert results(crate(format="wav24", stems=["vocals"])) == {"song.wav": "separated"}
    assert results(crate(format="wav", stems=["vocals"])) == {"song.wav": "separated"}
    assert results(crate(stems=["vocals"])) == {"song.wav": "kept"}


def test_another_model_is_another_result(tmp_path, crate):
    song(tmp_path / "in" / "song.wav")
    done(crate())
    other = tiny_model(tmp_path / "tiny.onnx", gains=(0.1, 0.2, 0.3, 0.4))
    assert results(crate(model=other)) == {"song.wav": "separated"}
    vocals = pcm24(tmp_path / "out" / "song" / "vocals.flac")
    assert np.abs(vocals - 0.1 * pcm24(tmp_path / "in" / "song.wav")).max() < 4


def test_equal_and_moved_songs_are_copied(tmp_path, crate):
    source = song(tmp_path / "in" / "a.wav")
    song(tmp_path / "in" / "b.wav")
    assert results(crate()) == {"a.wav": "separated", "b.wav": "copied"}
    (tmp_path / "in" / "new").mkdir()
    source.rename(tmp_path / "in" / "new" / "c.wav")
    assert results(crate()) == {"b.wav": "kept", "new/c.wav": "copied"}
    for name in ("b", "new/c"):
        assert_whole(tmp_path / "out" / name, tmp_path / "in" / f"{name}.wav", STEMS)


def test_a_damaged_copy_is_no_source_of_copies(tmp_path, crate):
    song(tmp_path / "in" / "a.wav")
    done(crate())
    (tmp_path / "out" / "a" / "bass.flac").unlink()
    (tmp_path / "in" / "a.wav").rename(tmp_path / "in" / "b.wav")
    assert results(crate()) == {"b.wav": "separated"}


def test_foreign_files_are_kept_unless_told(tmp_path, crate):
    song(tmp_path / "in" / "song.wav")
    (tmp_path / "out" / "song").mkdir(parents=True)
    (tmp_path / "out" / "song" / "vocals.flac").write_text("my own")
    (outcome,) = done(crate()).values()
    assert outcome.result == "failed"
    assert "exists already" in outcome.error
    assert outcome.exit_code == 2
    assert os.listdir(tmp_path / "out" / "song") == ["vocals.flac"]
    assert (tmp_path / "out" / "song" / "vocals.flac").read_text() == "my own"
    assert results(crate(overwrite=True)) == {"song.wav": "separated"}


def test_foreign_files_are_not_replaced_by_copies_either(tmp_path, crate):
    song(tmp_path / "in" / "a.wav")
    song(tmp_path / "in" / "b.wav")
    (tmp_path / "out" / "b").mkdir(parents=True)
    (tmp_path / "out" / "b" / "vocals.flac").write_text("my own")
    assert results(crate()) == {"a.wav": "separated", "b.wav": "failed"}
    assert (tmp_path / "out" / "b" / "vocals.flac").read_text() == "my own"
    assert os.listdir(tmp_path / "out" / "b") == ["vocals.flac"]


def test_a_killed_run_between_two_files_is_made_good(tmp_path, crate):
    """As if the end had come after the first of the files got its name."""
    source = song(tmp_path / "in" / "song.wav")
    done(crate())
    record = json.loads((tmp_path / "out" / "song" / SIDECAR).read_text())
    for entry in record["files"].values():
        entry["size"] = None
    (tmp_path / "out" / "song" / SIDECAR).write_text(json.dumps(record))
    (tmp_path / "out" / "song" / "drums.flac").unlink()
    assert results(crate()) == {"song.wav": "separated"}
    assert_whole(tmp_path / "out" / "song", source, STEMS)


DIES_AFTER_ONE_FILE = """
import os, sys
from rtstem.crate import open_crate
from rtstem.io.part import PartFile
from tests.unit.test_crate import Inline

publish = PartFile.publish

def once(part):
    if part.target.suffix == ".wav" and part.target.with_name("vocals.wav") != part.target:
        os._exit(9)
    publish(part)

PartFile.publish = once
crate = open_crate("in", "out", sys.argv[1])
with crate.held():
    list(crate.run(crate.plan(Inline()), Inline()))
"""


def test_stems_of_two_models_are_never_taken_for_a_set(tmp_path, crate):
    """One model's set is there, a run with another dies after the first of its files appeared."""
    song(tmp_path / "in" / "song.wav")
    assert results(crate(format="wav")) == {"song.wav": "separated"}
    vocals = tmp_path / "out" / "song" / "vocals.wav"
    before = soundfile.read(vocals)[0]
    other = tiny_model(tmp_path / "other.onnx", gains=(0.1, 0.2, 0.3, 0.4))
    command = [sys.executable, "-c", DIES_AFTER_ONE_FILE, str(other)]
    assert subprocess.run(command, cwd=tmp_path).returncode == 9
    assert not np.array_equal(soundfile.read(vocals)[0], before)
    assert temporaries(tmp_path)
    assert results(crate(format="wav")) == {"song.wav": "separated"}
    assert np.array_equal(soundfile.read(vocals)[0], before)
    assert not temporaries(tmp_path)


def test_a_song_that_changes_meanwhile_is_refused(tmp_path, crate):
    source = song(tmp_path / "in" / "song.wav")
    box = crate()
    with box.held():
        steps = box.plan(Inline())
        song(source, seconds=0.7)
        (outcome,) = box.run(steps, Inline())
    assert "changed while it was read" in outcome.error
    assert os.listdir(tmp_path / "out") == []
    assert results(crate()) == {"song.wav": "separated"}


def test_a_bad_song_takes_its_copies_with_it_and_nothing_else(tmp_path, crate):
    song(tmp_path / "in" / "x" / "good.wav")
    whole = song(tmp_path / "whole.flac").read_bytes()
    for name in ("bad.flac", "same.flac"):
        (tmp_path / "in" / "x" / "y").mkdir(exist_ok=True)
        (tmp_path / "in" / "x" / "y" / name).write_bytes(whole[:2000])
    outcomes = done(crate())
    assert outcomes["x/good.wav"].result == "separated"
    assert "no sample can be decoded" in outcomes["x/y/bad.flac"].error
    assert "same audio as" in outcomes["x/y/same.flac"].error
    assert sorted(os.listdir(tmp_path / "out" / "x")) == ["good"]


def test_planning_changes_nothing(tmp_path, crate):
    song(tmp_path / "in" / "song.wav")
    looked: list[tuple[int, int]] = []
    (step,) = crate().plan(Inline(), lambda *count: looked.append(count))
    assert (step.action, step.look.seconds) == ("separate", 0.5)
    assert looked == [(1, 1)]
    assert not (tmp_path / "out").exists()


def test_the_progress_is_in_seconds_of_all_songs(tmp_path, crate):
    for seed in range(3):
        song(tmp_path / "in" / f"{seed}.wav", seconds=1, seed=seed)
    box, heard = crate(), []
    with box.held():
        list(box.run(box.plan(Inline()), Inline(), lambda *pair: heard.append(pair)))
    assert heard == sorted(heard)
    assert heard[-1] == (3.0, 3.0)


def test_a_destination_that_is_in_use(tmp_path, crate):
    box = crate()
    (tmp_path / "out").mkdir()
    other = os.open(tmp_path / "out", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(AudioFileError, match="another `rtstem crate` is at work"), box.held():
        pass
    os.close(other)
    with box.held():
        pass


@pytest.mark.parametrize(
    ("library", "destination", "line"),
    [
        ("nowhere", "out", "no such folder"),
        ("song.wav", "out", "for a file use `rtstem split`"),
        ("in", "in", "give another folder"),
        ("in", "song.wav", "give another folder"),
    ],
)
def test_folders_that_cannot_be_used(tmp_path, tiny, library, destination, line):
    (tmp_path / "in").mkdir()
    song(tmp_path / "song.wav")
    with pytest.raises(AudioFileError, match=line):
        open_crate(tmp_path / library, tmp_path / destination, tiny)


def test_options_that_cannot_be_used(crate):
    with pytest.raises(ConfigError, match="did you mean 'vocals'"):
        crate(stems=["vocal"])
    with pytest.raises(ConfigError, match="format 'mp3' is not known"):
        crate(format="mp3")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_folder_that_cannot_be_read_is_told(tmp_path, crate):
    song(tmp_path / "in" / "a.wav")
    (tmp_path / "in" / "closed").mkdir(mode=0)
    outcomes = done(crate())
    (tmp_path / "in" / "closed").chmod(0o700)
    assert outcomes["a.wav"].result == "separated"
    assert "closed: cannot be read (Permission denied)" in outcomes["closed"].error
