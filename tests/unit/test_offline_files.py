"""split_file(): files that sum to the file, reports, and failures that leave nothing behind."""

from __future__ import annotations

import resource
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtstem.errors import AudioFileError, ConfigError, EngineError
from rtstem.io.writer import FORMATS, DiskFullError
from rtstem.offline import SplitReport, folder_names, split_file
from tests.models import DEFAULT_GAINS, STEMS, tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny.onnx")


def song(path: Path, rate: int = 44100, channels: int = 2, subtype: str = "PCM_24") -> np.ndarray:
    """0.3 s of noise with an odd number of frames."""
    frames = rate * 3 // 10 | 1
    audio = np.random.default_rng(rate).standard_normal((frames, channels)) * 0.1
    soundfile.write(path, audio, rate, subtype=subtype)
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def pcm24(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int32", always_2d=True)[0].astype(np.int64) >> 8


def floats(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("kind", FORMATS)
def test_files_sum_to_a_24_bit_recording_exactly(tmp_path, tiny, kind, rate, channels):
    audio = song(tmp_path / "song.wav", rate, channels)
    report = split_file(tmp_path / "song.wav", tmp_path / "out", tiny, format=kind)
    assert (report.rate, report.channels, report.frames) == (rate, channels, len(audio))
    assert tuple(report.files) == STEMS
    for name, path in report.files.items():
        assert path == tmp_path / "out" / "song" / (name + FORMATS[kind].suffix)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.frames) == (rate, channels, len(audio))
        assert info.subtype == FORMATS[kind].subtype
    read = pcm24 if FORMATS[kind].integer else floats
    parts = [read(path) for path in report.files.values()]
    assert np.array_equal(sum(parts), read(tmp_path / "song.wav"))
    assert (report.nonfinite, report.clipped, report.warnings) == (0, 0, ())


def test_files_are_aligned_with_the_recording(tmp_path, tiny):
    audio = song(tmp_path / "song.wav")
    report = split_file(tmp_path / "song.wav", tmp_path, tiny)
    for name, gain in zip(STEMS, DEFAULT_GAINS, strict=True):
        stem = floats(report.files[name])
        assert np.abs(stem - np.float32(gain) * audio).max() < 1e-6
        spectra = np.fft.rfft(stem[:, 0]).conj() * np.fft.rfft(audio[:, 0])
        assert np.argmax(np.fft.irfft(spectra, len(audio))) == 0


def test_the_accompaniment_is_all_but_the_vocals(tmp_path, tiny):
    song(tmp_path / "song.wav")
    wanted = ["accompaniment", "vocals"]
    for kind, read in (("wav", floats), ("flac", pcm24)):
        report = split_file(tmp_path / "song.wav", tmp_path / kind, tiny, format=kind, stems=wanted)
        assert list(report.files) == wanted
        assert len(left_in(tmp_path / kind / "song")) == 2
        parts = [read(path) for path in report.files.values()]
        assert np.array_equal(sum(parts), read(tmp_path / "song.wav"))


def test_one_stem_is_the_same_alone_as_with_the_others(tmp_path, tiny):
    song(tmp_path / "song.wav")
    alone = split_file(tmp_path / "song.wav", tmp_path / "a", tiny, stems=["bass"])
    all_of_them = split_file(tmp_path / "song.wav", tmp_path / "b", tiny)
    assert list(alone.files) == ["bass"]
    assert np.array_equal(floats(alone.files["bass"]), floats(all_of_them.files["bass"]))


def test_clipped_stems_are_counted_and_still_sum(tmp_path):
    loud = tiny_model(tmp_path / "loud.onnx", gains=(1.5, -1.0, 0.25, 0.25))
    tone = 0.9 * np.sin(np.arange(20_000) / 20)
    soundfile.write(tmp_path / "song.wav", tone, 44100, subtype="PCM_24")
    report = split_file(tmp_path / "song.wav", tmp_path / "out", loud, format="flac")
    assert report.clipped > 5000
    parts = [pcm24(path) for path in report.files.values()]
    assert np.array_equal(sum(parts), pcm24(tmp_path / "song.wav"))
    assert split_file(tmp_path / "song.wav", tmp_path / "out", loud).clipped == 0


def test_non_finite_samples_are_counted(tmp_path, tiny):
    audio = np.full((5000, 2), 0.1, np.float32)
    audio[17, 0], audio[4999, 1] = np.nan, -np.inf
    soundfile.write(tmp_path / "song.wav", audio, 44100, subtype="FLOAT")
    report = split_file(tmp_path / "song.wav", tmp_path, tiny)
    assert report.nonfinite == 2
    total = sum(floats(path).astype(np.float64) for path in report.files.values())
    assert np.abs(total - np.where(np.isfinite(audio), audio, 0)).max() < 1e-7


def test_a_truncated_file_is_split_as_far_as_it_goes(tmp_path, tiny):
    path = tmp_path / "song.flac"
    song(path)
    whole = floats(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    report = split_file(path, tmp_path / "out", tiny)
    assert 0 < report.frames < len(whole)
    (note,) = report.warnings
    assert note.startswith(f"truncated or damaged, {report.frames} of {len(whole)} frames")
    total = sum(floats(file) for file in report.files.values())
    assert np.array_equal(total, whole[: report.frames])


@pytest.mark.parametrize("kind", FORMATS)
def test_one_sample(tmp_path, tiny, kind):
    soundfile.write(tmp_path / "song.wav", np.array([0.25]), 8000, subtype="PCM_24")
    report = split_file(tmp_path / "song.wav", tmp_path / "out", tiny, format=kind)
    assert sum(floats(path)[0, 0] for path in report.files.values()) == 0.25
    assert report.frames == 1


def test_the_report_and_the_progress(tmp_path, tiny):
    soundfile.write(tmp_path / "song.wav", np.zeros((80_000, 2)), 44100)
    calls: list[tuple[int, int]] = []
    report = split_file(
        tmp_path / "song.wav", tmp_path, tiny, progress=lambda *call: calls.append(call)
    )
    assert isinstance(report, SplitReport)
    assert report.source == tmp_path / "song.wav"
    assert (report.model, report.provider) == ("tiny", "CPUExecutionProvider")
    assert report.seconds == 80_000 / 44100
    assert report.speed == pytest.approx(report.seconds / report.elapsed)
    assert [call[0] for call in calls] == sorted({call[0] for call in calls})
    assert len(calls) > 3
    assert calls[-1] == (80_000, 80_000)
    assert all(call[1] == 80_000 for call in calls)


def test_files_that_exist_are_kept_unless_told(tmp_path, tiny):
    song(tmp_path / "song.wav")
    first = split_file(tmp_path / "song.wav", tmp_path, tiny, stems=["drums"])
    before = first.files["drums"].read_bytes()
    with pytest.raises(AudioFileError, match="exists already"):
        split_file(tmp_path / "song.wav", tmp_path, tiny)
    assert left_in(tmp_path / "song") == ["drums.wav"]
    assert first.files["drums"].read_bytes() == before
    split_file(tmp_path / "song.wav", tmp_path, tiny, overwrite=True)
    assert len(left_in(tmp_path / "song")) == 4


def test_equal_names_get_folders_of_their_own(tmp_path, tiny):
    paths = ["a/song.wav", "b/Song.flac", "c/other.ogg", "d/song.mp3", "song-2.wav", ". .wav"]
    assert folder_names(paths) == ["song", "Song-2", "other", "song-3", "song-2-2", "audio"]
    song(tmp_path / "song.wav")
    report = split_file(tmp_path / "song.wav", tmp_path, tiny, name="song-2", stems=["drums"])
    assert report.files["drums"] == tmp_path / "song-2" / "drums.wav"


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"format": "mp3"}, "format 'mp3' is not known; choose one of wav, wav24, flac"),
        ({"stems": ["vocal"]}, r"stem 'vocal' is not known \(did you mean 'vocals'\?\); choose of"),
        ({"stems": []}, "no stem is chosen; choose of vocals, drums, bass, other, accompaniment"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, tiny, options, line):
    song(tmp_path / "song.wav")
    with pytest.raises(ConfigError, match=line):
        split_file(tmp_path / "song.wav", tmp_path / "out", tiny, **options)
    assert left_in(tmp_path) == ["song.wav"]


def test_a_model_without_vocals_has_no_accompaniment(tmp_path):
    model = tiny_model(tmp_path / "two.onnx", stems=("drums", "rest"))
    song(tmp_path / "song.wav")
    with pytest.raises(ConfigError, match="'accompaniment' is not known; choose of drums, rest"):
        split_file(tmp_path / "song.wav", tmp_path, model, stems=["accompaniment"])
    report = split_file(tmp_path / "song.wav", tmp_path, model)
    assert list(report.files) == ["drums", "rest"]


def test_a_bad_source_makes_no_folder(tmp_path, tiny):
    (tmp_path / "song.wav").write_bytes(b"")
    with pytest.raises(AudioFileError, match="is empty"):
        split_file(tmp_path / "song.wav", tmp_path / "out", tiny)
    soundfile.write(tmp_path / "song.flac", np.random.default_rng(0).random(40_000), 44100)
    (tmp_path / "song.flac").write_bytes((tmp_path / "song.flac").read_bytes()[:2000])
    with pytest.raises(AudioFileError, match="no sample can be decoded"):
        split_file(tmp_path / "song.flac", tmp_path / "out", tiny)
    assert left_in(tmp_path) == ["song.flac", "song.wav"]


def test_an_output_folder_that_cannot_be_used_is_told_before_the_model_loads(
    tmp_path, tiny, monkeypatch
):
    monkeypatch.setattr("rtstem.offline.Separator", lambda *arguments: pytest.fail("too early"))
    song(tmp_path / "song.wav")
    with pytest.raises(AudioFileError, match="cannot be written to") as caught:
        split_file(tmp_path / "song.wav", tmp_path / "song.wav", tiny)
    assert caught.value.exit_code == 2


def test_a_model_that_fails_leaves_nothing(tmp_path):
    model = tiny_model(tmp_path / "nan.onnx", gains=(np.nan, 0, 0, 0))
    song(tmp_path / "song.wav")
    with pytest.raises(EngineError, match="not finite"):
        split_file(tmp_path / "song.wav", tmp_path / "out", model)
    assert left_in(tmp_path) == ["nan.onnx", "song.wav"]


def test_ctrl_c_leaves_nothing(tmp_path, tiny):
    song(tmp_path / "song.wav", 192000)

    def interrupt(done: int, total: int) -> None:
        assert left_in(tmp_path / "out")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        split_file(tmp_path / "song.wav", tmp_path / "out", tiny, progress=interrupt)
    assert left_in(tmp_path) == ["song.wav"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_disk_that_fills_up_leaves_nothing(tmp_path, tiny, kind):
    song(tmp_path / "song.wav")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(DiskFullError, match="cannot be written to its end") as caught:
            split_file(tmp_path / "song.wav", tmp_path / "out", tiny, format=kind)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 1
    assert left_in(tmp_path) == ["song.wav"]


@pytest.mark.parametrize("rate", [8000, 11025], ids=["native", "resampled"])
def test_memory_does_not_grow_with_the_length(tmp_path, rate):
    """Ten minutes against half a minute: Python's blocks by tracemalloc, all of them by the RSS."""
    model = tiny_model(tmp_path / "m.onnx", metadata={"sample_rate": "8000", "rates": "8000"})

    def split(seconds: int) -> int:
        with soundfile.SoundFile(tmp_path / "song.wav", "w", rate, 1, "PCM_16") as file:
            for second in range(seconds):
                file.write(np.random.default_rng(second).standard_normal(rate) * 0.1)
        tracemalloc.start()
        report = split_file(tmp_path / "song.wav", tmp_path, model, overwrite=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.frames == seconds * rate
        return peak

    short = split(30)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert split(600) < short + 500_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < resident + 8_000  # KiB
