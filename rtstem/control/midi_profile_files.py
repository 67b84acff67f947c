"""Where profiles are, by name; writing one. The user's own come before those with rtstem."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError, MidiError
from ..resources import configs_dir, did_you_mean, listing
from .midi_events import ANY_CHANNEL
from .midi_profile import Profile, read_profile
from .midi_watch import WantedPorts

_HEAD = "# Written by `rtstem midi learn`; the form is in docs/midi.md.\n"


def shipped_dir() -> Path:
    """Folder of the profiles that come with rtstem."""
    return configs_dir() / "midi"


def user_dir() -> Path:
    """Folder of the user's own profiles; need not be there."""
    if sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home())
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "rtstem" / "midi"


def profile_files() -> dict[str, Path]:
    """Files by name; a file of the user's hides a shipped one of the same name."""
    found: dict[str, Path] = {}
    for folder in (user_dir(), shipped_dir()):
        for path in sorted(folder.glob("*.yaml")):
            found.setdefault(path.stem, path)
    return found


def find_profile(name_or_path: str | Path) -> Path:
    """File for a name ("midimix") or a path ("mine.yaml"); raises ConfigError with the names."""
    text = str(name_or_path)
    files = profile_files()
    if text in files:
        return files[text]
    path = Path(text).expanduser()
    if path.suffix.lower() in (".yaml", ".yml"):
        return path  # reading it tells what is wrong with it
    raise ConfigError(
        f"{text}: no such MIDI profile{did_you_mean(text, files)}; profiles: {listing(files)}; "
        "or give the path of a .yaml file"
    )


def load_profile(name_or_path: str | Path) -> Profile:
    """Profile by name or path; raises ConfigError."""
    return read_profile(find_profile(name_or_path))


def load_profiles() -> tuple[Profile, ...]:
    """All profiles, the user's first: the first that matches a port is used for it.

    Raises ConfigError for a broken file.
    """
    return tuple(read_profile(path) for path in profile_files().values())


def choose_profiles(
    name_or_path: str | None, ports: WantedPorts
) -> tuple[tuple[Profile, ...], WantedPorts]:
    """Profiles in the order in which they are tried, and the ports to open, as `MidiSurface` wants.

    A profile that is named is taken for all `ports`; with "auto" for those that it is made for, or
    for every port where it is made for none. Raises ConfigError, with the names there are.
    """
    if name_or_path is None:
        return load_profiles(), ports
    chosen = load_profile(name_or_path)
    if ports != "auto":
        return (chosen.model_copy(update={"ports": tuple(ports)}), *load_profiles()), ports
    if chosen.ports:
        return (chosen, *load_profiles()), ports
    return (chosen,), ("",)


def file_name(profile: Profile) -> str:
    """A file name for the profile: `Launch Control XL` gives launch_control_xl.yaml."""
    words = re.findall(r"[a-z0-9]+", profile.name.lower())
    return "_".join(words or ["controller"]) + ".yaml"


def profile_text(profile: Profile) -> str:
    """The profile as YAML, one line a control; reading it gives the same profile."""
    plain = _plain(profile.model_dump(exclude_defaults=True))
    controls = plain.pop("controls", {})
    lines = [_HEAD, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)]
    if controls:
        lines.append("controls:\n")
    for label, control in controls.items():
        line = yaml.safe_dump(
            {label: control}, default_flow_style=True, sort_keys=False, width=1000
        )
        lines.append(f"  {line.strip()[1:-1]}\n")
    return "".join(lines)


def save_profile(profile: Profile, path: Path) -> None:
    """Write the profile, whole or not at all; raises MidiError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(profile_text(profile))
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as error:
        reason = error.strerror or error
        raise MidiError(f"{path}: cannot be written ({reason}); give another path") from None


def keep_profile(profile: Profile, path: Path | None = None) -> Path:
    """Write a learned profile to where it is found by itself, or to `path`; raises MidiError."""
    path = path or user_dir() / file_name(profile)
    save_profile(profile, path)
    return path


def _plain(value: Any, key: str = "") -> Any:
    """The value in YAML's own types, `any` for the channel that stands for all."""
    if isinstance(value, dict):
        return {k: _plain(v, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return "any" if key == "channel" and value == ANY_CHANNEL else value
