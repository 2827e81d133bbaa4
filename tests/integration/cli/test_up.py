"""`letterhead up` refuses to start where another one runs or where it cannot write."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path


def up(folder: Path) -> tuple[int, str]:
    """Run `letterhead up` in a folder where it cannot start; return its exit code and stderr."""
    letterhead = Path(sys.executable).with_name("letterhead")
    done = subprocess.run(
        [letterhead, "up", "--free-ports"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stderr


def test_a_second_one_in_the_same_folder_is_rejected(tmp_path: Path) -> None:
    sandbox_file = tmp_path / ".letterhead" / "sandbox.json"
    sandbox_file.parent.mkdir()
    sandbox_file.touch()
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)

    code, stderr = up(tmp_path)

    os.close(first)
    assert (code, f"already running in {tmp_path}" in stderr) == (1, True)
    assert sandbox_file.exists()


def test_a_home_that_cannot_be_recreated_is_named(tmp_path: Path) -> None:
    home = tmp_path / ".letterhead"
    home.touch()  # a file that cannot be removed as a directory, like another user's files

    code, stderr = up(tmp_path)

    assert (code, f"Cannot recreate {home}" in stderr) == (1, True)
