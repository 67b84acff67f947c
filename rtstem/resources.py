"""Where the files that come with rtstem are: models, configurations, assets.

A wheel carries `models/` and `configs/` inside the package; a checkout has them at its top level.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from .errors import ConfigError, ModelError, RtstemError

_PACKAGE = Path(__file__).resolve().parent


def models_dir() -> Path:
    """Folder of the models that come with rtstem."""
    return _shipped("models")


def configs_dir() -> Path:
    """Folder of the configurations that come with rtstem."""
    return _shipped("configs")


def asset(name: str) -> Path:
    """Path of the packaged file `name`; raises RtstemError when the installation lacks it."""
    path = _PACKAGE / "assets" / name
    if not path.is_file():
        raise RtstemError(f"{path}: missing from this installation; reinstall rtstem")
    return path


def model_names() -> tuple[str, ...]:
    """Names of the models that come with rtstem, sorted."""
    return _names(models_dir(), "*.onnx")


def config_names() -> tuple[str, ...]:
    """Names of the configurations that come with rtstem, sorted."""
    return _names(configs_dir(), "*.yaml")


def find_model(name_or_path: str | Path) -> Path:
    """Model file for a shipped name ("live") or a path ("mine/band.onnx").

    Raises ModelError, naming the models there are, when neither exists.
    """
    found = _find(name_or_path, models_dir(), (".onnx",))
    if found is None:
        known = model_names()
        raise ModelError(
            f"{name_or_path}: no such model{did_you_mean(str(name_or_path), known)}; "
            f"models that come with rtstem: {listing(known)}; or give the path of an .onnx file"
        )
    return found


def find_config(name_or_path: str | Path) -> Path:
    """Configuration file for a shipped name ("dj") or a path ("my.yaml").

    Raises ConfigError, naming the configurations there are, when neither exists.
    """
    found = _find(name_or_path, configs_dir(), (".yaml", ".yml"))
    if found is None:
        known = config_names()
        raise ConfigError(
            f"{name_or_path}: no such configuration{did_you_mean(str(name_or_path), known)}; "
            f"configurations that come with rtstem: {listing(known)}; or give the path of a file"
        )
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'live'?)` where one of the `known` names is close to `word`, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


def listing(names: Iterable[str]) -> str:
    """The names with commas between them, or `none`."""
    return ", ".join(names) or "none"


def _shipped(folder: str) -> Path:
    packaged = _PACKAGE / folder
    return packaged if packaged.is_dir() else _PACKAGE.parent / folder


def _names(folder: Path, pattern: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob(pattern)))


def _find(name_or_path: str | Path, folder: Path, suffixes: tuple[str, ...]) -> Path | None:
    """The given path if it is there, else the shipped file of that name; None if neither is.

    A bare word without suffix is always a shipped name: a folder called `live` in the working
    directory must not hide the model `live`.
    """
    text = str(name_or_path)
    path = Path(text).expanduser()
    bare = path.name == text and path.suffix.lower() not in suffixes
    try:
        if not bare and path.exists():
            return path
        names = [text + suffix for suffix in suffixes] if bare else [text]
        candidates = [folder / name for name in names if Path(name).name == name]
        return next((candidate for candidate in candidates if candidate.is_file()), None)
    except (OSError, ValueError):  # a name too long for the file system, or with a zero byte
        return None
