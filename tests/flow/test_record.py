"""Recordings of a playing engine: bit exact, aligned, mixed again to the same bits, never in the way."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from rtstem.control.recorder import Recorder
from rtstem.control.recording_log import read_log
from rtstem.errors import AudioFileError, EngineError
from rtstem.replay import replay
from rtstem.rt.board import SCENES
from tests.flow.clocked import by_the_clock
from tests.flow.conftest import RATE, STEMS
from tests.models import tiny_model

BUSES = {
    "main": {"channels": [1, 2]},
    "cue": {"channels": [3, 4], "gains": {"vocals": 1.0, "drums": 0.5}},
}
MEMORY = (0.2, -0.2, 0.1, -0.1)


class Session:
    """A recorder to be started and stopped by moves: `start`, then `report` after the take."""

    def __init__(self, folder, **options):
        self.folder, self.options, self.notices = folder, options, []

    def start(self, engine):
        self.recorder = Recorder(engine, self.folder, on_notice=self.notices.append, **self.options)
        self.recorder.start()

    def report(self):
        return self.recorder.stop()


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path / "take")


def audio_of(path):
    return soundfile.read(path, dtype="float32", always_2d=True)[0]


def knobs(engine, values):
    """Turn the filter knobs of `values` {stem: -1 to 1}."""
    for stem, value in values.items():
        engine._scene[-1, STEMS.index(stem)] = value
    engine._board.publish_scene(engine._scene)


def resize(engine, block):
    """From the next block on the host asks for `block` frames."""
    stream = engine._transport._stream
    stream._silence = np.zeros(block * 2, np.float32)
    stream._out = np.zeros((block, stream._out.shape[1]), np.float32)


def busy_moves(session, start):
    """Faders and filters that are under way when the recording begins, and later ones."""
    return {
        start - 600: lambda e: e.desk.set("vocals", 0.2),
        start - 500: lambda e: knobs(e, {"drums": -0.8, "bass": 0.5}),
        # moved before the first block that is recorded
        start: lambda e: (session.start(e), e.desk.set("vocals", 0.25)),
        start + 5000: lambda e: e.desk.mute("bass"),
        start + 5300: lambda e: e.desk.master(0.7),
        start + 9000: lambda e: knobs(e, {"drums": 0.6, "other": -0.02}),
        start + 12000: lambda e: e.desk.set("vocals", 1.0),
        start + 15000: lambda e: knobs(e, {"drums": 0.0, "bass": 0.0}),
    }


@pytest.mark.parametrize("block", [256, 100])
def test_the_mix_is_made_again_bit_for_bit(play, noise, session, tmp_path, block):
    """Although ramps and filters are under way at the start, and whatever the block."""
    model = tiny_model(tmp_path / "memory.onnx", memory_mix=MEMORY)
    moves = busy_moves(session, 6000)
    take = play(noise, model=model, config={"buses": BUSES}, block=block, moves=moves)
    report = session.report()
    first = -(-6000 // block) * block  # the block after the move
    assert (report.lost, report.error, session.notices) == (0, "", [])
    assert report.frames == len(take.out) - first
    assert np.array_equal(audio_of(report.files["bus.main"]), take.out[first:, :2])
    assert np.array_equal(audio_of(report.files["bus.cue"]), take.out[first:, 2:])
    delayed = np.concatenate([np.zeros((take.delay, 2), np.float32), noise])[first:]
    dry = audio_of(report.files["dry"])
    assert np.array_equal(dry[: len(delayed)], delayed[: len(dry)])
    for bus in BUSES:
        made = replay(report.log, bus=bus)
        assert (made.compared, made.differs_from) == (report.files[f"bus.{bus}"], None)
        assert np.array_equal(audio_of(made.out), audio_of(made.compared))
    assert np.abs(audio_of(report.files["bus.main"]) - dry).max() > 0.01
    moves = [at for at, _ in read_log(report.log).moves]
    assert min(moves) > 4000  # what moved before the first block is in the header
    assert len(moves) == report.moves


def test_replay_needs_every_part_of_the_log(play, noise, session):
    """Without a move, the gains, the filters' memory or the block, the bits are others."""
    play(noise, config={"buses": BUSES}, block=100, moves=busy_moves(session, 6000))
    report = session.report()
    header, *lines = report.log.read_text().splitlines()
    values = json.loads(header)
    assert replay(report.log).differs_from is None
    for key, other in {
        "gains": np.ones((2, 5)).tolist(),
        "knobs": [0.0] * 4,
        "filters": np.zeros((4, 2, 2)).tolist(),
        "block": 128,
        "slew": 1000,
    }.items():
        report.log.write_text("\n".join([json.dumps(values | {key: other}), *lines, ""]))
        made = replay(report.log, overwrite=True)
        assert made.differs_from is not None, key
        assert made.difference < 0.3
    report.log.write_text("\n".join([header, *lines[1:], ""]))
    assert replay(report.log, overwrite=True).differs_from >= 5000


def test_blocks_of_changing_length_are_replayed(play, noise, session):
    moves = busy_moves(session, 6000) | {
        first: lambda e, block=block: resize(e, block)
        for first, block in ((3000, 100), (8000, 77), (8200, 512), (15100, 33), (20900, 256))
    }
    play(noise, config={"buses": BUSES}, moves=moves)
    report = session.report()
    assert report.log.read_text().count('"block"') == 5  # one of them in the header
    assert replay(report.log).differs_from is None


def test_another_model_gets_the_same_moves(play, noise, session, tmp_path):
    moves = {0: session.start, RATE // 2: lambda e: e.desk.mute("vocals")}
    play(noise, moves=moves)
    report = session.report()
    other = tiny_model(
        tmp_path / "other.onnx",
        stems=("drums", "vocals", "other", "bass"),
        gains=(0.1, 0.7, 0.1, 0.1),
        lookahead_hops=1,
    )
    made = replay(report.log, tmp_path / "again.wav", model=other)
    assert made.compared is None
    dry, mix = audio_of(report.files["dry"]), audio_of(made.out)
    move = json.loads(report.log.read_text().splitlines()[1])["at"]
    assert np.abs(mix[:move] - dry[:move]).max() < 1e-6
    end = move + 1024
    np.testing.assert_allclose(mix[end:], 0.3 * dry[end:], atol=1e-5)


@by_the_clock
def test_recording_does_not_disturb_the_audio(play, noise, tmp_path):
    """By the clock, at a small block, two seconds of it."""
    session = Session(tmp_path / "take")
    take = play(
        np.tile(noise, (2, 1)),
        lockstep=False,
        block=128,
        config={"buses": BUSES},
        during=session.start,
    )
    report, seen = session.report(), take.engine.snapshot()
    assert (seen.missed_blocks, seen.late_hops, seen.sink_overflows) == (0, 0, 0)
    assert (report.lost, report.error) == (0, "")
    assert report.seconds > 1.5
    main = audio_of(report.files["bus.main"])
    assert np.array_equal(main, take.out[len(take.out) - len(main) :, :2])


def test_two_recordings_one_after_the_other(play, noise, tmp_path):
    first, second = Session(tmp_path / "a"), Session(tmp_path / "b", what=("dry",), format="flac")
    play(
        noise,
        moves={
            0: first.start,
            8192: lambda e: first.report(),
            16384: second.start,
        },
    )
    one, two = first.report(), second.report()
    assert one.frames == 8192
    assert len(audio_of(one.files["dry"])) == 8192
    assert list(two.files) == ["dry"]
    dry = audio_of(two.files["dry"])
    assert len(dry) == two.frames
    heard = 16384 - first.recorder._engine.latency.frames
    np.testing.assert_allclose(dry[:20000], noise[heard : heard + 20000], atol=2**-23)


def test_the_engine_must_play_and_the_folder_take_files(play, noise, tmp_path):
    from rtstem.engine import Engine

    config = {
        "model": str(tiny_model(tmp_path / "tiny.onnx")),
        "audio": {"input": "virtual:silence", "output": "virtual"},
    }
    engine = Engine(config)
    with pytest.raises(EngineError, match="start the engine before"):
        Recorder(engine, tmp_path / "early").start()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(AudioFileError, match=r"Not a directory.*choose another folder"):
        Recorder(engine, tmp_path / "file" / "take")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "bus-main.wav").write_text("somebody's")
    with pytest.raises(AudioFileError, match=r"holds bus-main\.wav already"):
        Recorder(engine, tmp_path / "used")
    assert (tmp_path / "used" / "bus-main.wav").read_text() == "somebody's"


def test_moves_that_were_overwritten_are_told_and_the_last_one_is_not(play, noise):
    """More moves than the engine keeps, while nobody read them."""
    taps = []

    def flood(engine):
        taps[0].read()
        for step in range(SCENES + 10):
            engine._scene[0, 0] = step / SCENES
            engine._board.publish_scene(engine._scene)

    play(
        noise,
        moves={
            0: lambda e: taps.append(e.open_tap()),
            4096: lambda e: e.desk.mute("drums"),
            8192: flood,
        },
    )
    changes = taps[0].changes()
    assert taps[0].lost_changes
    assert changes[0].scene[0, 0] == np.float32((SCENES + 9) / SCENES)
    assert all(change.scene[0, 1] == 0 for change in changes)
