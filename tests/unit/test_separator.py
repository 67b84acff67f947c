"""ONNX Runtime by its C API, hop by hop: equal to its Python API, stateful, resettable, failing well."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from rtstem.errors import ModelError
from rtstem.model_spec import read_model_spec
from rtstem.resources import find_model
from rtstem.rt.hop import OK, RUN_FAILED, separate_hop, separate_many
from rtstem.rt.ort import OrtSession
from rtstem.rt.ort_api import library_path
from rtstem.rt.providers import PROVIDERS
from rtstem.rt.separator import Separator
from tests.loopback import LoopbackCalls, copies, failing, loopback
from tests.models import DEFAULT_GAINS, bind_nothing, tiny_model


@pytest.fixture
def spec(tmp_path):
    return read_model_spec(
        tiny_model(tmp_path / "tiny.onnx", memory_mix=(0.2, -0.2, 0.1, -0.1), leak=0.9)
    )


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).standard_normal((frames, 2)).astype(np.float32) * 0.2


def test_library_is_the_wheels_own():
    assert library_path().parent.name == "capi"


def test_states_flow_as_in_the_python_api(spec):
    """The ping-pong of bound state tensors against feeding states by hand."""
    separator = Separator(spec, "cpu")
    session = onnxruntime.InferenceSession(str(spec.path), providers=["CPUExecutionProvider"])
    states = {s.name: np.zeros(s.shape, np.float32) for s in spec.states}
    block, out = np.zeros((2, spec.hop), np.float32), np.zeros((4, 2, spec.hop), np.float32)
    for n in range(7):
        block[:] = noise(spec.hop * (n + 1))[-spec.hop :].T
        assert separate_hop(separator.state, block, out) == OK
        spectrum = separator.state.spectrum.view(np.float32).reshape(1, 2, spec.bins, 2)
        names = [spec.output_name, *(s.next_name for s in spec.states)]
        _, *new = session.run(names, {"spectrum": spectrum, **states})
        states = dict(zip(states, new, strict=True))
        side = (n + 1) % 2  # the side that the next hop reads
        flat = np.concatenate([value.ravel() for value in states.values()])
        np.testing.assert_array_equal(separator.state.states[side, : flat.size], flat)


def test_pieces_of_any_size_equal_one_piece(spec):
    separator, audio = Separator(spec), noise(40 * spec.hop)
    whole = separator.process(audio)
    separator.reset()
    cuts = [0, 1, 3, 10, 11, 40]
    pieces = [
        separator.process(audio[a * spec.hop : b * spec.hop]) for a, b in itertools.pairwise(cuts)
    ]
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_stems_sum_to_the_delayed_input(spec):
    separator, audio = Separator(spec), noise(30 * spec.hop)
    total = separator.process(audio).sum(axis=0)
    delay = separator.delay_frames
    np.testing.assert_allclose(total[delay:], audio[:-delay], atol=2e-6)
    assert np.abs(total[:delay]).max() < 1e-6


@pytest.mark.parametrize("domain", ["spectrum", "waveform"])
@pytest.mark.parametrize("lookahead", [0, 2])
def test_known_gains_come_out(tmp_path, domain, lookahead):
    path = tiny_model(tmp_path / "m.onnx", domain=domain, lookahead_hops=lookahead)
    separator, audio = Separator(read_model_spec(path)), noise(20 * 512)
    stems, delay = separator.process(audio), separator.delay_frames
    for stem, gain in zip(stems, DEFAULT_GAINS, strict=True):
        np.testing.assert_allclose(stem[delay:], gain * audio[: len(audio) - delay], atol=2e-6)


def test_silence_gives_silence(spec):
    assert not Separator(spec).process(np.zeros((10 * spec.hop, 2), np.float32)).any()


def test_run_does_not_hold_the_gil(spec):
    """While a thread is inside the compiled hops, Python sees them being done."""
    separator, audio = Separator(spec), noise(4000 * spec.hop)
    out = np.empty((4, len(audio), 2), np.float32)
    separate_many(separator.state, audio[: spec.hop], out[:, : spec.hop])
    thread = threading.Thread(target=separate_many, args=(separator.state, audio, out))
    thread.start()
    seen = set()
    while thread.is_alive():
        seen.add(int(separator.state.cursor[0]))
    assert len(seen) > 3  # with the GIL held, only what was before, and what is in the end


def test_wrong_shape_is_named(spec):
    with pytest.raises(ValueError, match=r"\[n \* 512, 2\]"):
        Separator(spec).process(np.zeros((100, 2), np.float32))


def test_broken_session_is_a_model_error(spec):
    with pytest.raises(ModelError):
        OrtSession(b"not a model", "cpu")


def test_cuda_that_is_not_there_names_the_cure(spec):
    from rtstem.rt.cuda import gpu_present

    if gpu_present():
        pytest.skip("a GPU is present")
    with pytest.raises(ModelError, match="use cpu"):
        Separator(spec, "cuda")


@pytest.fixture
def device(monkeypatch):
    """The CPU as a device of its own, whose memory can be looked at."""
    calls = LoopbackCalls()
    monkeypatch.setitem(PROVIDERS, "loopback", loopback(calls))
    yield calls
    failing[0] = 0


@pytest.mark.parametrize("domain", ["spectrum", "waveform"])
def test_a_device_of_its_own_gives_the_same_bits(tmp_path, device, domain):
    """Bound tensors, resident states and copies, run by the compiled loop, against plain memory."""
    path = tiny_model(
        tmp_path / "m.onnx", domain, memory_mix=(0.2, -0.2, 0.1, -0.1), leak=0.9, lookahead_hops=1
    )
    spec, audio = read_model_spec(path), noise(40 * 512)
    there, here = Separator(spec, "loopback"), Separator(spec)
    assert there.graph
    assert not here.graph
    before = copies[0]
    first = there.process(audio)
    assert copies[0] - before == 2 * 40
    assert np.array_equal(first, here.process(audio))
    assert not there.state.states.any()  # they stay on the device
    there.reset()
    assert np.array_equal(there.process(audio), first)
    there.close()
    assert not device.taken


def test_the_model_that_comes_with_rtstem_gives_the_same_bits_on_a_device(device):
    spec, audio = read_model_spec(find_model("live")), noise(40 * 512)
    here = Separator(spec).process(audio)
    assert np.array_equal(Separator(spec, "loopback").process(audio), here)


def test_a_copy_that_fails_is_a_failed_hop_and_no_more(spec, device):
    separator, out = Separator(spec, "loopback"), np.empty((4, 512, 2), np.float32)
    failing[0] = 1
    assert separate_many(separator.state, noise(512), out) == RUN_FAILED
    assert "\n" not in separator.failure(RUN_FAILED)
    assert separate_many(separator.state, noise(512), out) == OK


def test_a_model_that_cannot_be_recorded_runs_without(spec, device, monkeypatch):
    refused = []

    def append(_api, _options, graph):
        if graph:
            refused.append(graph)
            raise ModelError("not all nodes are on the device")

    provider = replace(loopback(device), append=append)
    monkeypatch.setitem(PROVIDERS, "loopback", provider)
    separator = Separator(spec, "loopback")
    assert refused == [True]
    assert not separator.graph
    separator.close()
    assert not device.taken


def test_nothing_is_left_behind_where_a_session_does_not_start(spec, device, monkeypatch):
    def append(*_args):
        raise ModelError("no CUDA runtime")

    monkeypatch.setitem(PROVIDERS, "loopback", replace(loopback(device), append=append))
    with pytest.raises(
        ModelError, match=r"provider loopback does not start \(no CUDA runtime\); buy"
    ):
        Separator(spec, "loopback")
    assert not device.taken


def test_a_failing_run_is_reported_once_and_recovers(tmp_path):
    path = tiny_model(tmp_path / "m.onnx")
    separator = Separator(read_model_spec(path))
    wrong = separator.state.calls.copy()
    bind_nothing(separator)
    out = np.empty((4, 512, 2), np.float32)
    for _ in range(5):  # later statuses are released, not leaked
        assert separate_many(separator.state, noise(512), out) != OK
    text = separator.failure(1)
    assert text
    assert "\n" not in text
    separator.state.calls[:] = wrong
    assert separate_many(separator.state, noise(512), out) == OK
