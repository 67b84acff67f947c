"""A model made ready to run hop by hop: its session, its tensors and its transform, in one object."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import EngineError, ModelError
from ..model_spec import ModelSpec
from .held import make_held
from .hop import OK, RUN_FAILED, HopState, reset, separate_many
from .ort import Arrays, OrtSession
from .table import table_of
from .transform import LAST_AXIS, analysis_window, synthesis_window

F32 = npt.NDArray[np.float32]


class Separator:
    """Streaming separation of stereo audio into stems.

    The output is delayed by `delay_frames` against the input; the stems sum to the delayed input to
    float32 rounding. The inference thread runs the same `state` through the functions of `hop.py`.
    """

    def __init__(self, spec: ModelSpec, provider: str = "auto", threads: int = 1) -> None:
        """Load the model. Raises ModelError where the file or the provider does not work."""
        self.spec = spec
        try:
            model = spec.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{spec.path}: cannot be read ({error.strerror})") from None
        self.state, even, odd = _allocate(spec)
        self.held = make_held(spec)
        try:
            self._session = OrtSession(model, even, odd, provider, threads)
        except ModelError as error:
            raise ModelError(f"{spec.path}: does not load: {error}") from None
        self.state = self.state._replace(calls=self._session.calls)
        self.state_table, self.held_table = table_of(self.state), table_of(self.held)

    @property
    def provider(self) -> str:
        """The ONNX Runtime execution provider in use."""
        return self._session.provider

    @property
    def delay_frames(self) -> int:
        """Frames by which the output lags behind the input."""
        return self.spec.delay_frames

    def reset(self) -> None:
        """Forget everything heard so far."""
        reset(self.state)

    def process(self, audio: F32) -> F32:
        """Separate `audio` float32 [n * hop, 2]; returns float32 [S, n * hop, 2].

        Raises ValueError for another shape, EngineError where the model fails.
        """
        hop = self.spec.hop
        if audio.ndim != 2 or audio.shape[1] != 2 or audio.shape[0] % hop:
            raise ValueError(f"audio must have shape [n * {hop}, 2], not {list(audio.shape)}")
        out = np.empty((len(self.spec.stems), audio.shape[0], 2), np.float32)
        result = separate_many(self.state, np.ascontiguousarray(audio, np.float32), out)
        if result != OK:
            raise EngineError(f"{self.spec.path}: {self.failure(result)}")
        return out

    def failure(self, result: int) -> str:
        """What a result of `separate_hop` other than OK means, in words."""
        if result != RUN_FAILED:
            return "the model gave values that are not finite; run `rtstem models check` on it"
        status, self.state.cursor[1] = int(self.state.cursor[1]), 0
        return self._session.api.take_message(status) if status else "the model failed to run"

    def warm_up(self, hops: int = 20) -> None:
        """Run noise and silence through, so that the first real hop is as fast as the others.

        Raises ModelError where the model fails already here.
        """
        noise = np.random.default_rng(0).standard_normal((hops * self.spec.hop, 2))
        try:
            self.process(noise.astype(np.float32) * np.float32(0.1))
            self.process(np.zeros((self.spec.hop, 2), np.float32))
        except EngineError as error:
            raise ModelError(str(error)) from None
        self.reset()

    def close(self) -> None:
        """Release the session."""
        self._session.close()


def _allocate(spec: ModelSpec) -> tuple[HopState, tuple[Arrays, Arrays], tuple[Arrays, Arrays]]:
    """The hop state (its `calls` still empty) and the tensors of even and odd hops."""
    stems, hop, size = len(spec.stems), spec.hop, spec.fft_size
    is_spectrum = spec.domain == "spectrum"
    spectrum = np.zeros((2, spec.bins, 2), np.float32)
    spectra = np.zeros((stems, 2, spec.bins, 2), np.float32)
    audio, waves = np.zeros((2, hop), np.float32), np.zeros((stems, 2, hop), np.float32)
    states = np.zeros((2, max(1, sum(int(np.prod(s.shape)) for s in spec.states))), np.float32)
    window = analysis_window(size, hop) if is_spectrum else np.ones(size, np.float32)
    state = HopState(
        calls=np.zeros((2, 10), np.int64),
        cursor=np.zeros(3, np.int64),
        is_spectrum=is_spectrum,
        window=window,
        synthesis=synthesis_window(size, hop, spec.synthesis_size) if is_spectrum else window,
        scale=2.0 / float(window.sum(dtype=np.float64)),
        history=np.zeros((2, size), np.float32),
        past=np.zeros((spec.lookahead_hops + 1, 2, spec.bins), np.complex64),
        past_audio=np.zeros((spec.lookahead_hops + 1, 2, hop), np.float32),
        overlap=np.zeros((stems * 2, spec.synthesis_size), np.float32),
        states=states,
        spectrum=spectrum.view(np.complex64)[..., 0],
        audio=audio,
        spectra=spectra.view(np.complex64)[..., 0],
        waves=waves,
        frame_scratch=np.zeros((2, size), np.float32),
        frames_scratch=np.zeros((stems * 2, size), np.float32),
        axes=LAST_AXIS,
    )
    sides = [_split_states(spec, states[side]) for side in range(2)]
    given = {spec.input_name: (spectrum if is_spectrum else audio)[None]}
    taken = {spec.output_name: (spectra if is_spectrum else waves)[None]}
    bound = [
        (
            given | {s.name: sides[side][s.name] for s in spec.states},
            taken | {s.next_name: sides[1 - side][s.name] for s in spec.states},
        )
        for side in range(2)
    ]
    return state, bound[0], bound[1]


def _split_states(spec: ModelSpec, memory: F32) -> dict[str, F32]:
    """Views of the flat `memory`, one for each recurrent tensor."""
    views, start = {}, 0
    for tensor in spec.states:
        size = int(np.prod(tensor.shape))
        views[tensor.name] = memory[start : start + size].reshape(tensor.shape)
        start += size
    return views
