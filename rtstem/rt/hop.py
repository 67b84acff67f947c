"""One hop of separation without the GIL: transform, ONNX Runtime, inverse, exact sum.

All memory of a hop is one named bundle of arrays, `HopState`. Names tell lifetimes: `_scratch` is
overwritten in every hop, everything else persists or is constant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .held import SLOTS, apply_gains, fit_gains
from .jit import compiled
from .native import call3, call4, flush_denormals, set_float_mode
from .table import ROW, cube, matrix, number, table_at, vector
from .transform import analyse, project, synthesise

OK, RUN_FAILED, NOT_FINITE = 0, 1, 2
INPUT, OUTPUT, STATES = 0, 1, 2  # rows of `HopState.transfers`
F32 = npt.NDArray[np.float32]
C64 = npt.NDArray[np.complex64]


class HopState(NamedTuple):
    """Arrays of one stream; S stems, n FFT size, L look-ahead hops. Bound tensors are marked (b)."""

    calls: npt.NDArray[np.int64]  # [2, 5] RunWithBinding, its arguments, ReleaseStatus
    transfers: npt.NDArray[np.int64]  # [3, 5] see memory.Transfer
    graph: bool  # a hop's kernels are recorded, by each thread that runs them
    cursor: npt.NDArray[np.int64]  # [3] hops so far, OrtStatus* of a failed Run, runs so far
    is_spectrum: bool
    window: F32  # [n] analysis
    synthesis: F32  # [synthesis_size]
    scale: float
    history: F32  # [2, n] last samples
    past: C64  # [L + 1, 2, bins] mixture spectra that wait for the model's look-ahead
    past_audio: F32  # [L + 1, 2, hop] the same for waveform models
    overlap: F32  # [S * 2, synthesis_size]
    states: F32  # [2, state size] (b) both sides of all recurrent tensors
    spectrum: C64  # [2, bins] (b) model input
    audio: F32  # [2, hop] (b) model input of waveform models
    spectra: C64  # [S, 2, bins] (b) model output
    waves: F32  # [S, 2, hop] (b) model output of waveform models
    frame_scratch: F32  # [2, n]
    frames_scratch: F32  # [S * 2, n]
    axes: npt.NDArray[np.int64]  # [1] the last axis


FIELDS = len(HopState._fields)


@compiled
def state_at(address):
    """The bundle whose table (`table.table_of`) lies at `address`."""
    t = table_at(address, FIELDS)
    return HopState(
        matrix(t, 0, np.int64),
        matrix(t, 1, np.int64),
        t[2 * ROW] != 0,
        vector(t, 3, np.int64),
        t[4 * ROW] != 0,
        vector(t, 5, np.float32),
        vector(t, 6, np.float32),
        number(t, 7),
        matrix(t, 8, np.float32),
        cube(t, 9, np.complex64),
        cube(t, 10, np.float32),
        matrix(t, 11, np.float32),
        matrix(t, 12, np.float32),
        matrix(t, 13, np.complex64),
        matrix(t, 14, np.float32),
        cube(t, 15, np.complex64),
        cube(t, 16, np.float32),
        matrix(t, 17, np.float32),
        matrix(t, 18, np.float32),
        vector(t, 19, np.int64),
    )


@compiled
def _transfer(state, which):
    """Copy a row of `transfers` from or to the device; False where that fails."""
    t = state.transfers[which]
    return t[0] == 0 or call4(t[0], t[1], t[2], t[3], t[4]) & 0xFFFFFFFF == 0


@compiled
def clear_states(state):
    """Fresh recurrent state; False where the device does not take it."""
    state.states[:] = 0
    return _transfer(state, STATES)


@compiled
def record(state):
    """Let the calling thread record the launches of both sets of tensors, where the model needs that:
    the first runs take many times as long. To be followed by `reset`."""
    if state.graph:
        run_model(state)
        run_model(state)


@compiled
def reset(state):
    """Back to the silence before the first hop."""
    state.cursor[0], state.cursor[2] = 0, 0
    state.history[:] = 0
    state.past[:] = 0
    state.past_audio[:] = 0
    state.overlap[:] = 0
    clear_states(state)


@compiled
def take_hop(state, audio):
    """Bring `audio[2, hop]` to the model's input tensor."""
    if state.is_spectrum:
        analyse(
            state.history,
            audio,
            state.window,
            state.scale,
            state.frame_scratch,
            state.spectrum,
            state.axes,
        )
        state.past[state.cursor[0] % state.past.shape[0]] = state.spectrum
    else:
        state.audio[:] = audio
        state.past_audio[state.cursor[0] % state.past_audio.shape[0]] = audio


@compiled
def run_model(state):
    """Run the model on the bound tensors, device copies included; OK or RUN_FAILED.

    The first status stays in `cursor[1]` until Python has read it; later ones are released.
    """
    if not _transfer(state, INPUT):
        return RUN_FAILED
    a = state.calls[state.cursor[2] & 1]
    status = call4(a[0], a[1], a[2], a[3], 0)
    if status == 0:
        state.cursor[2] += 1
        return OK if _transfer(state, OUTPUT) else RUN_FAILED
    if state.cursor[1] == 0:
        state.cursor[1] = status
    else:
        call3(a[4], status, 0, 0)
    return RUN_FAILED


@compiled
def give_hop(state, out):
    """Stems of the model's output to `out[S, 2, hop]`, made to sum to the mixture; OK or NOT_FINITE."""
    oldest = (state.cursor[0] + 1) % state.past.shape[0]
    if state.is_spectrum:
        project(state.spectra, state.past[oldest])
        rows = state.spectra.reshape(state.overlap.shape[0], state.spectra.shape[2])
        inverse = 1.0 / (state.scale * state.frames_scratch.shape[1])
        synthesise(
            rows, state.synthesis, inverse, state.frames_scratch, state.overlap, out, state.axes
        )
    else:
        project(state.waves, state.past_audio[oldest])
        out[:] = state.waves
    for s in range(out.shape[0]):
        for c in range(2):
            for k in range(out.shape[2]):
                if not np.isfinite(out[s, c, k]):
                    return NOT_FINITE
    return OK


@compiled
def separate_hop(state, audio, out):
    """`audio[2, hop]` in, `out[S, 2, hop]` out, delayed by the transform and the look-ahead.

    Returns OK, RUN_FAILED or NOT_FINITE; after a failure the state has been reset.
    """
    take_hop(state, audio)
    result = run_model(state)
    if result == OK:
        result = give_hop(state, out)
    if result == OK:
        state.cursor[0] += 1
    else:
        reset(state)
    return result


@compiled
def hold_hop(state, held, out):
    """Stems of the frame that `take_hop` brought, as the held gains make them, to `out[S, 2, hop]`."""
    oldest = (state.cursor[0] + 1) % state.past.shape[0]
    if state.is_spectrum:
        apply_gains(held, state.past[oldest], state.spectra)
    else:
        apply_gains(held, state.past_audio[oldest], state.waves)
    give_hop(state, out)


@compiled
def learn_hop(state, held):
    """Keep the gains of the hop that `give_hop` has just given."""
    oldest = (state.cursor[0] + 1) % state.past.shape[0]
    if state.is_spectrum:
        fit_gains(held, state.spectra, state.past[oldest])
    else:
        fit_gains(held, state.waves, state.past_audio[oldest])


@compiled
def forget_model(state, held, number):
    """After a failure in hop `number`: fresh recurrent state, the overlap of the hop before."""
    clear_states(state)
    state.overlap[:] = 0
    slot = (number - 1) % SLOTS
    if held.marks[slot] == number - 1:
        state.overlap[:, : held.tails.shape[2]] = held.tails[slot]


@compiled
def separate_many(state, audio, out):
    """`audio[n * hop, 2]` to `out[S, n * hop, 2]`; returns the first result that is not OK, else OK."""
    hop = state.audio.shape[1]
    block = np.empty((2, hop), np.float32)
    stems = np.empty((out.shape[0], 2, hop), np.float32)
    mode = flush_denormals()
    result = OK
    for start in range(0, audio.shape[0], hop):
        for c in range(2):
            for k in range(hop):
                block[c, k] = audio[start + k, c]
        result = separate_hop(state, block, stems)
        if result != OK:
            break
        for s in range(out.shape[0]):
            for k in range(hop):
                out[s, start + k, 0] = stems[s, 0, k]
                out[s, start + k, 1] = stems[s, 1, k]
    set_float_mode(mode)
    return result
