"""The cache of machine code follows every compiled source."""

from __future__ import annotations

import shutil
from pathlib import Path

from rtstem.rt import jit


def folder(package: Path, monkeypatch) -> Path:
    monkeypatch.setattr(jit, "PACKAGE", package)
    jit.cache_dir.cache_clear()
    try:
        return jit.cache_dir()
    finally:
        jit.cache_dir.cache_clear()


def test_a_change_in_any_compiled_file_gives_a_new_folder(tmp_path, monkeypatch):
    package = tmp_path / "rtstem"
    shutil.copytree(jit.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = folder(package, monkeypatch)
    assert before == folder(package, monkeypatch)
    with (package / "rt" / "mixer.py").open("a") as file:
        file.write("# changed\n")
    after = folder(package, monkeypatch)
    assert after != before
    with (package / "cli.py").open("a") as file:
        file.write("# changed\n")
    assert folder(package, monkeypatch) == after


def test_the_users_own_folder_is_respected(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert folder(jit.PACKAGE, monkeypatch).is_relative_to(tmp_path)
