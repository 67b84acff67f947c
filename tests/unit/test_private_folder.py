"""The folder of compiled code: ours alone, or nothing is loaded from it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rtstem.errors import ConfigError
from rtstem.rt.private_folder import keep_private

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="folders of POSIX systems")
SOMEBODY = 12345
as_root = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() != 0, reason="only root can give folders away"
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "rtstem" / "compiled-0"


def test_it_is_made_for_us_alone(folder):
    before = os.umask(0)
    try:
        keep_private(folder)
    finally:
        os.umask(before)
    assert (mode(folder.parent), mode(folder)) == (0o700, 0o700)


def test_readable_by_others_is_closed_and_kept(folder):
    folder.mkdir(parents=True)
    (folder / "code.nbc").write_bytes(b"code")
    keep_private(folder)
    assert mode(folder) == 0o700
    assert (folder / "code.nbc").exists()


def test_writable_by_others_is_emptied(folder):
    keep_private(folder)
    (folder / "planted").mkdir()
    (folder / "planted" / "code.nbi").write_bytes(b"code")
    (folder / "link").symlink_to("/")
    folder.chmod(0o775)
    keep_private(folder)
    assert mode(folder) == 0o700
    assert not list(folder.iterdir())


@as_root
@pytest.mark.parametrize("which", ["folder", "parent", "link"])
def test_somebody_elses_is_refused(folder, which, tmp_path):
    keep_private(folder)
    if which == "link":
        folder.rename(tmp_path / "ours")
        folder.symlink_to(tmp_path / "ours")
        os.chown(folder, SOMEBODY, SOMEBODY, follow_symlinks=False)
    else:
        os.chown(folder if which == "folder" else folder.parent, SOMEBODY, SOMEBODY)
    with pytest.raises(ConfigError, match=r"belongs to another user.*NUMBA_CACHE_DIR"):
        keep_private(folder)


@as_root
def test_a_command_says_so_in_one_line(tmp_path):
    planted = tmp_path / "rtstem"
    planted.mkdir()
    os.chown(planted, SOMEBODY, SOMEBODY)
    run = subprocess.run(
        [sys.executable, "-m", "rtstem", "models", "check", "live", "--seconds", "10"],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {planted}: belongs to another user")
    assert run.stderr.count("\n") == 1


def test_where_nothing_can_be_made_nothing_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    keep_private(tmp_path / "file" / "rtstem" / "compiled-0")
