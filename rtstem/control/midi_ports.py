"""MIDI ports through python-rtmidi: which API, which ports there are, whole messages in and out.

Messages are polled with `get_message`: rtmidi's callbacks mixed up bursts of messages under JACK.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import MidiError

CLIENT = "rtstem"
"""Every port of ours begins with this, so that we do not connect to ourselves."""
QUEUE_MESSAGES = 16384
_ALSA_SEQUENCER = Path("/dev/snd/seq")
_DIRECTIONS = frozenset({"midi", "in", "out", "input", "output", "capture", "playback", "port"})
_APIS = {
    "alsa": "API_LINUX_ALSA",
    "jack": "API_UNIX_JACK",
    "coreaudio": "API_MACOSX_CORE",
    "winmm": "API_WINDOWS_MM",
}


def _rtmidi() -> Any:
    try:
        import rtmidi
    except ImportError as error:
        raise MidiError(f"MIDI needs python-rtmidi ({error}); pip install python-rtmidi") from None
    return rtmidi


def choose_api(wanted: str = "auto") -> str:
    """`alsa`, `jack`, `coreaudio` or `winmm`: what to use here. Raises MidiError.

    On Linux that is ALSA where the kernel has its sequencer, else JACK.
    """
    rtmidi = _rtmidi()
    compiled = rtmidi.get_compiled_api()
    there = [name for name, key in _APIS.items() if getattr(rtmidi, key) in compiled]
    if wanted == "auto" and "alsa" in there and not _ALSA_SEQUENCER.exists():
        there.remove("alsa")
    if wanted != "auto":
        there = [name for name in there if name == wanted]
    if not there:
        raise MidiError(
            f"MIDI over {wanted} is not in this build of python-rtmidi; "
            "load the kernel module snd-seq, or start a JACK server"
        )
    return there[0]


def port_key(name: str) -> tuple[str, ...]:
    """What stays of a port's name when direction and numbers are taken away.

    It is the same for the two directions of a controller, and before and after a replug.
    """
    words = re.findall(r"[^\W_]+", name.lower())
    return tuple(w for w in words if w not in _DIRECTIONS and not w.isdecimal())


def output_for(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> str | None:
    """The one of `outputs` that leads back to input `name`; None where there is none.

    Of several equal controllers the first input belongs to the first output.
    """
    key = port_key(name)
    same = [other for other in inputs if port_key(other) == key]
    back = [other for other in outputs if port_key(other) == key]
    place = same.index(name) if name in same else 0
    return back[place] if place < len(back) else None


class Connection:
    """An open controller: `name` of its input port, messages in, messages out."""

    def __init__(self, rtmidi: Any, api: int, name: str, back: str | None) -> None:
        """Open input `name` and output `back`; raises ValueError when one is not there."""
        self.name = name
        self._in = rtmidi.MidiIn(api, name=f"{CLIENT} in", queue_size_limit=QUEUE_MESSAGES)
        self._out = None
        try:
            self._in.ignore_types(sysex=True, timing=False, active_sense=True)
            # by its place in the list of this moment: places change with every plug
            self._in.open_port(self._in.get_ports().index(name), f"{CLIENT} in")
            if back is not None:
                self._out = rtmidi.MidiOut(api, name=f"{CLIENT} out")
                self._out.open_port(self._out.get_ports().index(back), f"{CLIENT} out")
        except Exception:
            self.close()
            raise

    def receive(self) -> tuple[list[int], float] | None:
        """The next message and the seconds since the one before it; None when there is none."""
        received: tuple[list[int], float] | None = self._in.get_message()
        return received

    def send(self, message: Sequence[int]) -> None:
        """Send one message to the controller; nothing where it has no input."""
        if self._out is not None:
            self._out.send_message(message)

    def close(self) -> None:
        """Close both directions; harmless when they are gone already."""
        for port in (self._in, self._out):
            if port is not None:
                port.close_port()
                port.delete()
        self._out = None


class Ports:
    """The ports that there are now, by one API; lists them without opening any.

    Raises MidiError when the API does not work here (JACK: no server is running).
    """

    def __init__(self, api: str = "auto") -> None:
        self.api = choose_api(api)
        self._rtmidi = _rtmidi()
        self._api = getattr(self._rtmidi, _APIS[self.api])
        try:
            self._in = self._rtmidi.MidiIn(self._api, name=f"{CLIENT} watch in")
            self._out = self._rtmidi.MidiOut(self._api, name=f"{CLIENT} watch out")
        except (self._rtmidi.RtMidiError, OSError) as error:
            cure = {
                "jack": "start a JACK server (or load the kernel module snd-seq for ALSA)",
                "alsa": "this user needs access to /dev/snd/seq (group audio)",
            }.get(self.api, "check the system's MIDI settings")
            raise MidiError(f"MIDI over {self.api} does not work: {error}; {cure}") from None

    def inputs(self) -> list[str]:
        """Names of the ports that send; ours are left out."""
        return [name for name in self._in.get_ports() if not _is_ours(name)]

    def outputs(self) -> list[str]:
        """Names of the ports that take messages; ours are left out."""
        return [name for name in self._out.get_ports() if not _is_ours(name)]

    def open(self, name: str) -> Connection:
        """Connect to the controller whose input port has this name; raises MidiError."""
        try:
            back = output_for(name, self.inputs(), self.outputs())
            return Connection(self._rtmidi, self._api, name, back)
        except ValueError:
            raise MidiError(f"MIDI port {name} is gone; plug the controller in") from None
        except (self._rtmidi.RtMidiError, OSError) as error:
            busy = "close the program that uses it" if sys.platform == "win32" else "plug it again"
            raise MidiError(f"MIDI port {name} does not open: {error}; {busy}") from None

    def close(self) -> None:
        """Give the API back."""
        self._in.delete()
        self._out.delete()


def _is_ours(name: str) -> bool:
    return name.startswith(f"{CLIENT} ")
