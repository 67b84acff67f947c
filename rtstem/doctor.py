"""What this machine has for real-time separation, and what to do about each lack.

No check changes a setting or opens a device. `run_doctor()` is the whole list, in the order in
which one would mend things.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from .doctor_machine import (
    Check,
    check_memory,
    check_numba_cache,
    check_processor,
    check_realtime,
)
from .errors import RtstemError
from .native_stderr import native_stderr

PACKAGES = (
    "numpy",
    "numba",
    "rocket-fft",
    "sounddevice",
    "soundfile",
    "soxr",
    "python-rtmidi",
    "pyyaml",
    "pydantic",
    "click",
    "rich",
    "matplotlib",
)
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")


def run_doctor(progress: Callable[[str], None] = lambda name: None) -> list[Check]:
    """Run every check; `progress` gets the name of each before it starts."""
    report = []
    for name, check in CHECKS:
        progress(name)
        try:
            with native_stderr():  # sound libraries complain there about what is reported here
                report += check()
        except Exception as error:  # a doctor must not fall over what it is asked about
            report.append(Check(name, "fail", " ".join(str(error).split()), "see the message"))
    return report


def check_python() -> list[Check]:
    """The interpreter and the system it runs on."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return [Check("Python", "ok", found)]


def check_packages() -> list[Check]:
    """Versions of the packages that rtstem stands on."""
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if not version]
    runtimes = [name for name in RUNTIMES if _version(name)]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if not runtimes:
        missing.append("onnxruntime")
    if missing:
        return [Check("packages", "fail", found, f"pip install {' '.join(missing)}")]
    if len(runtimes) > 1:
        cure = (
            "both write the same files: pip uninstall onnxruntime, then reinstall onnxruntime-gpu"
        )
        return [Check("packages", "warn", found + "; " + " and ".join(runtimes), cure)]
    return [Check("packages", "ok", f"{found}, {runtimes[0]} {_version(runtimes[0])}")]


def _version(package: str) -> str:
    """Version of an installed distribution, or an empty string."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def check_models() -> list[Check]:
    """The models that come with rtstem, each opened and read."""
    from .model_spec import read_model_spec
    from .resources import find_model, model_names, models_dir

    names = model_names()
    if not names:
        return [Check("models", "fail", f"none in {models_dir()}", "reinstall rtstem")]
    report = []
    for name in names:
        try:
            spec = read_model_spec(find_model(name))
        except RtstemError as error:
            report.append(Check(f"model {name}", "fail", str(error), "reinstall rtstem"))
            continue
        delay = 1000 * spec.synthesis_size / spec.sample_rate
        found = f"{len(spec.stems)} stems, {delay:.1f} ms at {spec.sample_rate} Hz, {spec.license}"
        report.append(Check(f"model {name}", "ok", found))
    return report


def check_providers() -> list[Check]:
    """What ONNX Runtime offers, and what the engine really gets for the first model."""
    import onnxruntime as ort

    from .model_spec import read_model_spec
    from .provider_choice import choose
    from .resources import find_model, model_names
    from .rt.providers import PROVIDERS

    offered = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
    names = model_names()
    if not names:
        return [Check("inference", "warn", f"offered: {', '.join(offered)}", "no model to try")]
    choice = choose(read_model_spec(find_model(names[0])))
    for separator in (choice.separator, choice.standby):
        if separator is not None:
            separator.close()
    runs = choice.separator.provider.removesuffix("ExecutionProvider")
    found = choice.reason or f"runs on {runs}"
    found += f" (offered: {', '.join(offered)})"
    if choice.refused:
        cures = [PROVIDERS[name].cure for name in choice.refused]
        return [Check("inference", "warn", found, "; ".join(cures))]
    lack = PROVIDERS["cuda"].lack() if _has_nvidia_gpu() else ""
    return [Check("inference", "warn" if lack else "ok", found, lack)]


def _has_nvidia_gpu() -> bool:
    """Whether a driver for an NVIDIA card is loaded."""
    import shutil

    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def check_audio() -> list[Check]:
    """The PortAudio library, its host APIs and devices."""
    try:
        import sounddevice
    except OSError as error:
        cure = {
            "Linux": "install it: apt install libportaudio2 (or dnf install portaudio)",
            "Darwin": "install it: brew install portaudio",
        }.get(platform.system(), "reinstall the sounddevice package")
        return [Check("PortAudio", "fail", str(error), cure)]
    from .io.devices import list_devices

    devices = list_devices()
    hosts = ", ".join(host["name"] for host in sounddevice.query_hostapis()) or "no host API"
    version = sounddevice.get_portaudio_version()[1].split(",")[0]
    library = Check("PortAudio", "ok", f"{version}; {hosts}")
    inputs = sum(device.inputs > 0 for device in devices)
    outputs = sum(device.outputs > 0 for device in devices)
    found = f"{inputs} with input, {outputs} with output"
    if inputs and outputs:
        default = [device.name for device in devices if device.is_default_output]
        return [
            library,
            Check("devices", "ok", f"{found}; default: {', '.join(default) or 'none'}"),
        ]
    cure = (
        "connect a sound card or start the sound server; `rtstem demo` and file input work without"
    )
    return [library, Check("devices", "warn", found, cure)]


def check_formats() -> list[Check]:
    """The audio files that can be read."""
    import soundfile

    formats = soundfile.available_formats()
    wanted = [name for name in ("WAV", "FLAC", "OGG", "MP3") if name in formats]
    found = f"libsndfile {soundfile.__libsndfile_version__}: {', '.join(wanted)}"
    if "MP3" not in formats:
        return [Check("audio files", "warn", found, "for mp3 use libsndfile 1.1 or newer")]
    return [Check("audio files", "ok", found)]


def check_midi() -> list[Check]:
    """MIDI interfaces compiled into python-rtmidi that answer, and their ports."""
    import rtmidi

    apis = [api for api in rtmidi.get_compiled_api() if api != rtmidi.API_RTMIDI_DUMMY]
    names = ", ".join(rtmidi.get_api_display_name(api) for api in apis) or "none"
    sequencer = Path("/dev/snd/seq").exists()
    ports: list[str] = []
    for api in apis:
        # Without the sequencer device the ALSA constructor raises; JACK's would start a server.
        if api == rtmidi.API_LINUX_ALSA and not sequencer:
            continue
        try:
            reader = rtmidi.MidiIn(api)
            ports += reader.get_ports()
            reader.delete()
        except (rtmidi.RtMidiError, OSError):
            continue
    found = f"{names}; {len(ports)} input ports" + (f": {', '.join(ports)}" if ports else "")
    if not apis:
        return [Check("MIDI", "warn", found, "reinstall python-rtmidi with ALSA or JACK")]
    if platform.system() == "Linux" and not sequencer and not ports:
        cure = "no /dev/snd/seq: `modprobe snd-seq`, or use JACK's MIDI; keys and API work without"
        return [Check("MIDI", "warn", found, cure)]
    return [Check("MIDI", "ok", found)]


CHECKS: tuple[tuple[str, Callable[[], list[Check]]], ...] = (
    ("Python", check_python),
    ("packages", check_packages),
    ("models", check_models),
    ("numba cache", check_numba_cache),
    ("inference", check_providers),
    ("PortAudio", check_audio),
    ("audio files", check_formats),
    ("MIDI", check_midi),
    ("real time", check_realtime),
    ("processor", check_processor),
    ("memory", check_memory),
)
