"""MIDI controllers on the desk: messages in, lights and motors out, learning.

One thread watches which ports there are (midi_watch.py). The other one, here, polls the open
ports, so that a message is applied within a millisecond, and sends what the desk changed; all
state of the controllers belongs to it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ..rt.priority import Priority
from .midi_clock import fade_in_beats
from .midi_device import Device
from .midi_learn import Learned, Lesson, Recogniser, with_control
from .midi_mapper import Move
from .midi_notices import Notices
from .midi_ports import Connection, port_key
from .midi_profile import Profile
from .midi_watch import WantedPorts, Watch, drain, own_profile

if TYPE_CHECKING:
    from .actions import ActionTable
    from .desk import Desk

POLL_SECONDS = 0.0004
IDLE_POLL_SECONDS = 0.001
"""Pause between two looks while something moves and when nothing has for a while: a pause costs
20 us of processor time, and a message must be applied within a millisecond."""
_IDLE_AFTER_SECONDS = 2.0
_ALONE_SECONDS = 0.02  # no controller is plugged in
_FIFO_PRIORITY = 20  # well below the audio threads, above all that is not real-time
_MOST_AT_ONCE = 4096  # messages of one port before the others have their turn
_AFTER_ERROR_SECONDS = 0.05


class MidiSurface:
    """All MIDI controllers of this machine as one surface of the desk; a context manager."""

    def __init__(
        self,
        actions: ActionTable,
        profiles: Sequence[Profile],
        ports: WantedPorts = "auto",
        on_notice: Callable[[str], None] = lambda line: None,
        *,
        desk: Desk | None = None,
        api: str = "auto",
        on_learned: Callable[[Learned], None] = lambda learned: None,
        on_message: Callable[[str, list[int], list[Move]], None] | None = None,
        realtime: bool = True,
    ) -> None:
        """Nothing is opened before `start`.

        profiles: the first one that matches a port's name is used for it.
        ports: "auto" opens the ports that a profile matches; a list of parts of port names opens
            those, with the first profile that names no ports where none matches.
        on_notice: what the user should know, one line each, from a thread of ours.
        desk: whose snapshots fade in beats of the MIDI clock, where a profile says so.
        api: auto, alsa, jack, coreaudio or winmm.
        on_learned: called with every control learned, to save its profile.
        on_message: called with port, message and what it did: a monitor.
        realtime: ask for real-time priority, below that of the audio.
        """
        self._actions, self._desk = actions, desk
        self._priority = Priority(realtime, period_ns=1_000_000)
        self._last_message = 0.0
        self._notice = Notices(on_notice)
        self._on_learned, self._on_message = on_learned, on_message
        self._watch = Watch(profiles, ports, api, self._notice)
        self._live: tuple[tuple[Connection, Device], ...] = ()
        self._devices: list[tuple[tuple[str, ...], Device]] = []
        self._lock = threading.Lock()  # for what other threads leave here
        self._changed: set[str] = set()
        self._lesson: Lesson | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rtstem-midi", daemon=True)
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Open the controllers that are there and follow those that come and go.

        Raises MidiError when MIDI does not work on this machine.
        """
        self._watch.start()
        self._unsubscribe = self._actions.subscribe(self._remember)
        self._thread.start()

    def stop(self) -> None:
        """Let go of what is held and close all ports. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2.0)
        self._unsubscribe()
        self._watch.stop()
        self._live = ()

    def __enter__(self) -> MidiSurface:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    # -- for other threads

    @property
    def connected(self) -> tuple[str, ...]:
        """Names of the ports that are open."""
        return tuple(connection.name for connection, _ in self._live)

    @property
    def bpm(self) -> float | None:
        """Tempo of the first controller that sends a MIDI clock, None where none does."""
        now = time.monotonic()
        tempos = (device.clock.bpm(now) for _, device in self._live)
        return next((bpm for bpm in tempos if bpm is not None), None)

    def learn(self, action: str, callback: Callable[[Learned], None]) -> None:
        """Give the control that is moved next to `action`, on any port, then call `callback`.

        It works at once; what is moved meanwhile moves nothing. `callback` runs in the MIDI
        thread. A lesson begun before is given up. Raises ConfigError for an unknown action.
        """
        lesson = Lesson(action, self._actions[action].kind, callback)
        with self._lock:
            self._lesson = lesson
        self._watch.open_all(True)

    def cancel_learn(self) -> None:
        """Stop waiting for a control."""
        with self._lock:
            self._lesson = None
        self._watch.open_all(False)

    def _remember(self, changed: Iterable[str]) -> None:
        with self._lock:
            self._changed.update(changed)

    # -- the MIDI thread

    def _run(self) -> None:
        self._priority.raise_thread(_FIFO_PRIORITY)
        while not self._stopping.is_set():
            if not self._notice.guard(self._round):
                time.sleep(_AFTER_ERROR_SECONDS)
            idle = time.monotonic() - self._last_message > _IDLE_AFTER_SECONDS
            pause = IDLE_POLL_SECONDS if idle else POLL_SECONDS
            time.sleep(pause if self._live else _ALONE_SECONDS)
        for _, device in self._live:
            self._notice.guard(device.gone)

    def _round(self) -> None:
        """One look at everything."""
        for connection in drain(self._watch.arrived):
            self._notice.guard(self._plug, connection)
        now = time.monotonic()
        with self._lock:
            lesson, changed = self._lesson, self._changed
            self._changed = set()
        for connection, device in self._live:
            device.changed(changed)
            self._notice.guard(self._receive, connection, device, lesson, now)
            self._notice.guard(self._send, connection, device.outgoing(now))
        if lesson is not None:
            self._notice.guard(self._finish, lesson, now)
        for connection in drain(self._watch.gone):  # their last words have been heard above
            self._notice.guard(self._unplug, connection)

    def _plug(self, connection: Connection) -> None:
        key = port_key(connection.name)
        working = {id(device) for _, device in self._live}
        known = (d for k, d in self._devices if k == key and id(d) not in working)
        device = next(known, None)
        if device is None:
            profile = self._watch.profile_for(connection.name)
            device = Device(
                profile, self._actions, lambda beats: fade_in_beats(self._desk, beats, self.bpm)
            )
            self._devices.append((key, device))
            self._tell_left_out(device)
        self._live = (*self._live, (connection, device))
        self._notice.tell(f"MIDI: {connection.name} connected ({device.profile.name})")
        self._send(connection, device.arrived())

    def _send(self, connection: Connection, messages: Iterable[Sequence[int]]) -> None:
        for message in messages:
            connection.send(message)

    def _tell_left_out(self, device: Device) -> None:
        if device.left_out:
            names = ", ".join(device.left_out)
            self._notice(f"MIDI: {device.profile.name}: this desk has no {names}; left out")

    def _unplug(self, connection: Connection) -> None:
        device = next(d for c, d in self._live if c is connection)
        self._live = tuple(pair for pair in self._live if pair[0] is not connection)
        self._notice.guard(device.gone)
        connection.close()
        self._notice.tell(f"MIDI: {connection.name} is gone; it works again when it comes back")

    def _receive(
        self, connection: Connection, device: Device, lesson: Lesson | None, now: float
    ) -> None:
        for _ in range(_MOST_AT_ONCE):
            received = connection.receive()
            if received is None:
                device.quiet(now)
                return
            message, since_last = received
            self._last_message = now
            if lesson is not None:
                watching = lesson.watching.setdefault(connection.name, Recogniser(lesson.kind))
                watching.feed(message, now)
            else:
                self._notice.guard(self._apply, connection.name, device, message, since_last, now)

    def _apply(
        self, port: str, device: Device, message: list[int], since_last: float, now: float
    ) -> None:
        moves = device.receive(message, since_last, now)
        if self._on_message is not None:
            self._on_message(port, message, moves)

    def _finish(self, lesson: Lesson, now: float) -> None:
        """End the lesson with the first port that has an answer."""
        for connection, device in self._live:
            watching = lesson.watching.get(connection.name)
            keys = watching.result(now) if watching is not None else None
            if keys is None:
                continue
            self.cancel_learn()
            profile = own_profile(device.profile, connection.name)
            device.gone()  # lets go of what was held before the lesson
            device.use(with_control(profile, lesson.action, keys))
            self._watch.prefer(device.profile)
            learned = Learned(connection.name, lesson.action, keys, device.profile)
            self._on_learned(learned)
            lesson.callback(learned)
            return
