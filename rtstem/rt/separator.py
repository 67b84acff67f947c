"""A model made ready to run hop by hop: its session, its tensors and its transform, in one object."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import EngineError, ModelError, ProviderError
from ..model_spec import ModelSpec
from .held import make_held
from .hop import OK, RUN_FAILED, HopState, reset, separate_many
from .memory import Memory, aligned
from .ort import OrtSession
from .providers import CPU, PROVIDERS
from .table import table_of
from .transform import LAST_AXIS, analysis_window, synthesis_window

F32 = npt.NDArray[np.float32]


class Separator:
    """Streaming separation of stereo audio into stems.

    The output is delayed by `delay_frames` against the input; the stems sum to the delayed input to
    float32 rounding. The inference thread runs the same `state` through the functions of `hop.py`.
    """

    def __init__(
        self, spec: ModelSpec, provider: str = CPU, threads: int = 1, playing: bool = False
    ) -> None:
        """Load the model. `provider` is a key of PROVIDERS; `playing`: another one plays meanwhile,
        and it will be run by several threads: launches are not recorded then.

        Raises ModelError where the file or the provider does not work.
        """
        self.spec = spec
        try:
            model = spec.path.read_bytes()
        except OSError as error:
            raise ModelError(f"{spec.path}: cannot be read ({error.strerror})") from None
        self.held = make_held(spec)
        try:
            self._open(model, provider, threads, PROVIDERS[provider].graphs and not playing)
        except ProviderError:
            raise
        except ModelError as error:
            raise ModelError(f"{spec.path}: does not load: {error}") from None
        self.state_table, self.held_table = table_of(self.state), table_of(self.held)

    def _open(self, model: bytes, provider: str, threads: int, graph: bool) -> None:
        """Session, tensors, state; without recorded launches where this model does not allow them."""
        try:
            self._session = OrtSession(model, provider, threads, graph)
            try:
                self.state = _bind(self.spec, self._session)
                self.reset()  # a device's memory begins with anything
                if graph:
                    self.warm_up(2)
            except BaseException:
                self._session.close()
                raise
        except ModelError:
            if not graph:
                raise
            self._open(model, provider, threads, graph=False)

    @property
    def provider(self) -> str:
        """The ONNX Runtime execution provider in use."""
        return self._session.provider

    @property
    def provider_key(self) -> str:
        """Its name in the configuration."""
        return self._session.key

    @property
    def graph(self) -> bool:
        """Whether a hop's kernels are launched as one, as recorded."""
        return self._session.graph

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


def _bind(spec: ModelSpec, session: OrtSession) -> HopState:
    """The hop state, with its tensors bound to the session for even and odd hops."""
    state, given, taken = _allocate(spec, session)
    sides = [_split_states(spec, state.states[side]) for side in range(2)]
    bound = [
        (
            given | {s.name: sides[side][s.name] for s in spec.states},
            taken | {s.next_name: sides[1 - side][s.name] for s in spec.states},
        )
        for side in range(2)
    ]
    return state._replace(calls=session.bind(*bound))


def _allocate(
    spec: ModelSpec, session: OrtSession
) -> tuple[HopState, dict[str, F32], dict[str, F32]]:
    """The hop state (its `calls` still empty), the tensor that a hop gives and the one it takes."""
    stems, hop, size, memory = len(spec.stems), spec.hop, spec.fft_size, session.memory
    is_spectrum = spec.domain == "spectrum"
    spectrum, spectra = memory.array(2, spec.bins, 2), memory.array(stems, 2, spec.bins, 2)
    audio, waves = memory.array(2, hop), memory.array(stems, 2, hop)
    states = memory.array(2, max(1, aligned([_size(s.shape) for s in spec.states])[-1]))
    window = analysis_window(size, hop) if is_spectrum else np.ones(size, np.float32)
    given, taken = (spectrum, spectra) if is_spectrum else (audio, waves)
    state = HopState(
        calls=np.zeros((2, 5), np.int64),
        transfers=_transfers(memory, given, taken, states),
        graph=session.graph,
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
    return state, {spec.input_name: given[None]}, {spec.output_name: taken[None]}


def _transfers(memory: Memory, given: F32, taken: F32, states: F32) -> npt.NDArray[np.int64]:
    rows = memory.upload(given), memory.download(taken), memory.upload(states)
    return np.array(rows, np.int64)


def _split_states(spec: ModelSpec, memory: F32) -> dict[str, F32]:
    """Views of the flat `memory`, one for each recurrent tensor."""
    starts = aligned([_size(tensor.shape) for tensor in spec.states])
    return {
        tensor.name: memory[start : start + _size(tensor.shape)].reshape(tensor.shape)
        for start, tensor in zip(starts, spec.states, strict=False)  # the last start is the end
    }


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))
