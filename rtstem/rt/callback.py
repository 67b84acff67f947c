"""The audio callback: a compiled PaStreamCallback that never waits, allocates, logs or takes the GIL.

Each block goes: input (device, file feed, or ring of an input on its own clock), cleaned, into the
input ring; wake the inference thread where a hop is complete; mix dry signal and stems of `DELAY`
frames ago; outputs; counters.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from . import board as b
from . import capture as c
from .atomics import load_acquire, store_release
from .conceal import add_held
from .filter import filter_stem
from .held import held_at
from .jit import c_callback, compiled
from .mixer import fade_weights, gather_stems, mix_bus, peak_meters, write_bus
from .native import STREAM_SIGNATURE, as_address, as_pointer, call3
from .pull import pull_block, tick_output
from .ring import finite, read_planar
from .system import now_ns
from .tap import finish_tap, keep, tap_pair

PA_CONTINUE, PA_ABORT = 0, 2
METER_DECAY_SECONDS = 0.3  # time constant of the peak meters' fall


@compiled
def _floats(h, slot, shape):
    return carray(as_pointer(h[slot]), shape, np.float32)


@compiled
def _push_device(h, ring, head, samples, frames):
    """Two channels of the interleaved device input into the ring."""
    channels, left, right = h[b.IN_CHANNELS], h[b.IN_LEFT], h[b.IN_RIGHT]
    mask = ring.shape[0] - 1
    for k in range(frames):
        place = (head + k) & mask
        ring[place, 0] = finite(h, b.NONFINITE, samples[k * channels + left])
        ring[place, 1] = finite(h, b.NONFINITE, samples[k * channels + right])


@compiled
def _push_feed(h, ring, head, frames):
    """Frames of the file feed into the ring, silence where it has none."""
    feed = _floats(h, b.A_FEED, (h[b.FEED_FRAMES], 2))
    ended = load_acquire(h, b.FEED_EOF) != 0
    tail = h[b.FEED_TAIL]
    count = min(load_acquire(h, b.FEED_HEAD) - tail, frames)
    mask, feed_mask = ring.shape[0] - 1, feed.shape[0] - 1
    for k in range(frames):
        place = (head + k) & mask
        for side in range(2):
            value = feed[(tail + k) & feed_mask, side] if k < count else np.float32(0.0)
            ring[place, side] = finite(h, b.NONFINITE, value)
    store_release(h, b.FEED_TAIL, tail + count)
    if count < frames:
        if not ended:
            h[b.FEED_UNDERFLOWS] += 1
        elif h[b.END_AT] < 0:
            h[b.END_AT] = head + count


@compiled
def _capture(h):
    """The header of an input on a clock of its own."""
    return carray(as_pointer(h[b.A_CAPTURE]), (c.SLOTS,), np.int64)


@compiled
def _push_captured(h, ring, head, frames):
    """Frames of an input stream of its own into the ring."""
    capture = _capture(h)
    block = _floats(capture, c.A_BLOCK, (2, b.MAX_BLOCK))
    if not pull_block(capture, frames, block):
        h[b.FEED_UNDERFLOWS] += 1
    mask = ring.shape[0] - 1
    for k in range(frames):
        ring[(head + k) & mask, 0] = block[0, k]
        ring[(head + k) & mask, 1] = block[1, k]


@compiled
def _take_input(h, inp, frames):
    """Push one block; returns the position of its first frame."""
    ring = _floats(h, b.A_INPUT, (h[b.IN_FRAMES], 2))
    head = h[b.IN_HEAD]
    if h[b.FEED_FRAMES] > 0:
        _push_feed(h, ring, head, frames)
    elif h[b.A_CAPTURE] != 0:
        _push_captured(h, ring, head, frames)
    elif as_address(inp) != 0:
        _push_device(h, ring, head, carray(inp, (frames * h[b.IN_CHANNELS],), np.float32), frames)
    store_release(h, b.IN_HEAD, head + frames)
    if (head + frames) // h[b.HOP] > head // h[b.HOP]:
        call3(h[b.POST], h[b.SEMAPHORE], 1, 0)
    return head


@compiled
def _take_scene(h, position):
    """The newest scene `[B + 1, S + 1]`; a change is noted with the block's output position."""
    scenes = _floats(h, b.A_SCENES, (b.SCENES, h[b.BUSES] + 1, h[b.STEMS] + 1))
    number = load_acquire(h, b.SCENE_HEAD)
    if number != h[b.SCENE_SEEN]:
        h[b.SCENE_SEEN] = number
        head = h[b.EVENT_HEAD]
        if head - load_acquire(h, b.EVENT_TAIL) < b.EVENTS:
            events = carray(as_pointer(h[b.A_EVENTS]), (b.EVENTS, 2), np.int64)
            events[head % b.EVENTS, 0] = position
            events[head % b.EVENTS, 1] = number
            store_release(h, b.EVENT_HEAD, head + 1)
    return scenes[number % b.SCENES]


@compiled
def _filter(h, wet, frames, targets, knob, delta):
    """Turn the filter knobs towards `targets[S]`; what they change of the stems into `delta`."""
    memory = _floats(h, b.A_FILTER, (wet.shape[0], 2, 2))
    for s in range(wet.shape[0]):
        knob[1, s] = np.float32(1.0) if knob[0, s] != 0 or targets[s] != 0 else np.float32(0.0)
        knob[0, s] = filter_stem(
            wet[s], frames, knob[0, s], targets[s], h[b.SLEW_FRAMES], h[b.RATE], memory[s], delta[s]
        )


@compiled
def _tap(h):
    channels = 2 + 2 * h[b.STEMS] + 2 * h[b.BUSES]
    return _floats(h, b.A_TAP, (h[b.TAP_FRAMES], channels + 1))


@compiled
def _begin_tap(h):
    """(someone records, this is the first block): what that one starts from is kept in the board's
    `tap_start`: the scene, the gains, the filter knobs and the filters' memory, one behind the other.
    """
    tapped = load_acquire(h, b.TAP_ON) != 0
    if not tapped or h[b.TAP_FROM] != b.NOWHERE:
        return tapped, False
    stems, buses = h[b.STEMS], h[b.BUSES]
    row = stems + 1
    start = _floats(h, b.A_TAP_START, ((2 * buses + 1) * row + 5 * stems,))
    scenes = _floats(h, b.A_SCENES, (b.SCENES, (buses + 1) * row))
    place = keep(start, 0, scenes[h[b.SCENE_SEEN] % b.SCENES])
    place = keep(start, place, _floats(h, b.A_GAIN, (buses * row,)))
    place = keep(start, place, _floats(h, b.A_KNOB, (stems,)))
    keep(start, place, _floats(h, b.A_FILTER, (4 * stems,)))
    return tapped, True


@compiled
def _tap_inputs(h, start, frames, dry, wet):
    """Dry signal and stems to the tap."""
    tap_pair(_tap(h), start, frames, 0, dry)
    for s in range(wet.shape[0]):
        tap_pair(_tap(h), start, frames, 2 + 2 * s, wet[s])


@compiled
def _stems(h, start, frames, wet, peaks, decay):
    """Stems of output frames `start` on into `wet`: those that came, held ones, else nothing."""
    weight, fade = _floats(h, b.A_WEIGHT, b.MAX_BLOCK), _floats(h, b.A_FADE, (1,))
    stamps = carray(as_pointer(h[b.A_STAMPS]), (h[b.SLOTS],), np.int64)
    ring = _floats(h, b.A_STEMS, (h[b.SLOTS], wet.shape[0], 2, h[b.HOP]))
    before = fade[0]
    if before == 1:  # else the model before goes on bridging the gap that it began
        h[b.HELD_IN_USE] = load_acquire(h, b.A_HELD)
    held = held_at(h[b.HELD_IN_USE])
    missed = fade_weights(stamps, h[b.HOP], start, frames, weight, fade, held, h[b.CONCEAL])
    gather_stems(ring, start, frames, weight, wet, peaks, decay)
    if before == 1 and not missed:
        return
    inputs = _floats(h, b.A_INPUT, (h[b.IN_FRAMES], 2))
    concealed, dry = add_held(held, inputs, h[b.CONCEAL], start, frames, weight, before, wet, peaks)
    if missed and dry:
        h[b.MISSED_BLOCKS] += 1
    elif concealed:
        h[b.CONCEALED_BLOCKS] += 1


@compiled
def _mix(h, start, frames, out):
    """Mix output frames `start` on (input numbering) to the interleaved `out`."""
    stems, buses, channels = h[b.STEMS], h[b.BUSES], h[b.OUT_CHANNELS]
    dry = _floats(h, b.A_DRY, (2, b.MAX_BLOCK))
    bus = _floats(h, b.A_BUS, (2, b.MAX_BLOCK))
    wet = _floats(h, b.A_WET, (stems, 2, b.MAX_BLOCK))
    meters = _floats(h, b.A_METERS, (buses + 2, max(2, stems)))
    delta = _floats(h, b.A_DELTA, (stems, 2, b.MAX_BLOCK))
    knob = _floats(h, b.A_KNOB, (3, stems))
    route = carray(as_pointer(h[b.A_ROUTE]), (buses, 3), np.int64)
    gains = _floats(h, b.A_GAIN, (buses, stems + 1))
    scene, slew = _take_scene(h, start), h[b.SLEW_FRAMES]
    tapped, opening = _begin_tap(h)

    read_planar(_floats(h, b.A_INPUT, (h[b.IN_FRAMES], 2)), start, dry[:, :frames])
    decay = np.float32(np.exp(-frames / (METER_DECAY_SECONDS * h[b.RATE])))
    _stems(h, start, frames, wet, meters[buses + 1], decay)
    peak_meters(dry, frames, meters[0], decay)
    _filter(h, wet, frames, scene[buses], knob, delta)
    if tapped:
        _tap_inputs(h, start, frames, dry, wet)
    for n in range(buses):
        filtered = knob[1] if route[n, 2] == 1 else knob[2]
        mix_bus(dry, wet, delta, filtered, frames, gains[n], scene[n], slew, bus)
        write_bus(bus, frames, route[n], channels, out)
        peak_meters(bus, frames, meters[n + 1], decay)
        if tapped:
            tap_pair(_tap(h), start, frames, 2 + 2 * stems + 2 * n, bus)
    if tapped:
        finish_tap(_tap(h), h, start, frames, opening)


@compiled
def _observe_block(h, frames):
    """Learn the host's block sizes while priming."""
    a, rest = h[b.BLOCK_STEP], frames
    while rest != 0:
        a, rest = rest, a % rest
    h[b.BLOCK_STEP] = a
    h[b.MAX_FRAMES] = max(h[b.MAX_FRAMES], frames)


@compiled
def _count_time(h, frames, began, ended):
    spent = ended - began
    hist = carray(as_pointer(h[b.A_CALLBACK_HIST]), (b.HIST_BINS,), np.int64)
    hist[min(spent // b.CALLBACK_BIN_NS, b.HIST_BINS - 1)] += 1
    h[b.CALLBACK_MAX_NS] = max(h[b.CALLBACK_MAX_NS], spent)
    if spent * h[b.RATE] > frames * 1_000_000_000:
        h[b.DEADLINE_MISSES] += 1


@compiled
def process_block(h, inp, out_pointer, frames, flags):
    """One device block; see the module's text. `h` is the board's header."""
    clock = carray(as_pointer(h[b.A_CLOCK]), (2,), np.int64)
    began = now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock)
    out = carray(out_pointer, (frames * h[b.OUT_CHANNELS],), np.float32)
    for k in range(out.shape[0]):
        out[k] = np.float32(0.0)
    if h[b.A_CAPTURE] != 0:
        tick_output(_capture(h), frames, began)
    state = load_acquire(h, b.STATE)
    if state == b.PRIMING:
        _observe_block(h, frames)
    elif state == b.RUNNING and frames > b.MAX_BLOCK:
        h[b.OVERSIZED] += 1
    elif state == b.RUNNING:
        start = _take_input(h, inp, frames) - h[b.DELAY]
        _mix(h, start, frames, out)
        h[b.BLOCKS] += 1
        if flags != 0:
            h[b.XRUNS] += 1
        if h[b.END_AT] >= 0 and start + frames >= h[b.END_AT]:
            store_release(h, b.ENDED, 1)
        _count_time(h, frames, began, now_ns(h[b.CLOCK], h[b.CLOCK_ID], h[b.CLOCK_HZ], clock))
    store_release(h, b.HEARTBEAT, h[b.HEARTBEAT] + 1)


@c_callback(STREAM_SIGNATURE)
def stream_callback(inp, out, frames, _time, flags, userdata):
    """The PaStreamCallback (portaudio.h); `userdata` is the stream's link to the board, int64 [2]:
    the address of the board's header, or 0 once the stream has been given up, and its output channels.
    """
    link = carray(userdata, (2,), np.int64)
    header = load_acquire(link, 0)
    if header == 0:  # a host that hung and came back: the board has another stream by now
        silence = carray(out, (np.int64(frames) * link[1],), np.float32)
        for k in range(silence.shape[0]):
            silence[k] = np.float32(0.0)
        return PA_ABORT
    h = carray(as_pointer(header), (b.HEADER_SLOTS,), np.int64)
    process_block(h, inp, out, np.int64(frames), np.int64(flags))
    return PA_CONTINUE
