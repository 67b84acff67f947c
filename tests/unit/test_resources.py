"""Finding the files that come with rtstem."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rtstem import resources
from rtstem.errors import ConfigError, ModelError, RtstemError
from rtstem.resources import asset, find_config, find_model


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two models and two configurations; the working directory is elsewhere."""
    root = tmp_path / "checkout"
    for name in ("rtstem/assets/song.flac", "models/live.onnx", "models/tight.onnx"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    (root / "configs").mkdir()
    for name in ("dj", "obs"):
        (root / "configs" / f"{name}.yaml").write_bytes(b"")
    monkeypatch.setattr(resources, "_PACKAGE", root / "rtstem")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return root


def test_checkout_has_its_files_at_the_top(shipped: Path) -> None:
    assert find_model("live") == shipped / "models" / "live.onnx"
    assert find_config("dj") == shipped / "configs" / "dj.yaml"
    assert asset("song.flac") == shipped / "rtstem" / "assets" / "song.flac"
    assert resources.model_names() == ("live", "tight")
    assert resources.config_names() == ("dj", "obs")


def test_wheel_has_its_files_inside_the_package(shipped: Path) -> None:
    inside = shipped / "rtstem" / "models"
    inside.mkdir()
    (inside / "live.onnx").write_bytes(b"x")
    assert find_model("live") == inside / "live.onnx"
    assert resources.model_names() == ("live",)


def test_bare_name_is_never_a_path(shipped: Path) -> None:
    Path("live").mkdir()
    assert find_model("live") == shipped / "models" / "live.onnx"


def test_name_with_suffix_is_a_path_first(shipped: Path) -> None:
    assert find_model("live.onnx") == shipped / "models" / "live.onnx"
    Path("live.onnx").write_bytes(b"mine")
    assert find_model("live.onnx") == Path("live.onnx")
    assert find_model(Path("live.onnx")) == Path("live.onnx")


def test_home_is_understood(shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(shipped))
    monkeypatch.setenv("USERPROFILE", str(shipped))
    assert find_model("~/models/tight.onnx") == shipped / "models" / "tight.onnx"


@pytest.mark.parametrize(
    "name",
    ["liv", "other/live.onnx", "../models/live.onnx", "a\0b", "n" * 5000, "", ".", "/", "dj"],
)
def test_missing_model_lists_those_there_are(shipped: Path, name: str) -> None:
    if name in (".", "/"):  # folders: found, and refused when the model is read
        assert find_model(name).is_dir()
        return
    with pytest.raises(ModelError, match=r"no such model.* with rtstem: live, tight; or give"):
        find_model(name)


def test_missing_names_come_with_a_guess(shipped: Path) -> None:
    with pytest.raises(ModelError, match=r"tigth: no such model \(did you mean 'tight'\?\);"):
        find_model("tigth")
    with pytest.raises(ConfigError, match=r"ob: .* \(did you mean 'obs'\?\); .*: dj, obs; or give"):
        find_config("ob")


@pytest.mark.parametrize("find", [find_model, find_config])
def test_empty_installation_says_none(
    shipped: Path, monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", shipped / "no" / "package")
    with pytest.raises(RtstemError, match="come with rtstem: none; or give"):
        find("x")


def test_missing_asset_names_the_cure(shipped: Path) -> None:
    with pytest.raises(RtstemError, match="no-such: missing from this installation; reinstall"):
        asset("no-such")
