"""`letterhead up` keeps out of what another one stands on, and says so."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path


def up(folder: Path) -> tuple[int, str]:
    """Runs `letterhead up` in a folder where it cannot start; gives its code and what it said."""
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


def test_a_second_one_in_the_same_folder_is_told_so(tmp_path: Path) -> None:
    kept = tmp_path / ".letterhead" / "sandbox.json"
    kept.parent.mkdir()
    kept.touch()
    first = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)

    code, said = up(tmp_path)

    os.close(first)
    assert (code, f"runs already for {tmp_path}" in said) == (1, True)
    assert kept.exists()


def test_a_home_that_cannot_be_made_anew_is_named(tmp_path: Path) -> None:
    home = tmp_path / ".letterhead"
    home.touch()  # as what another user's files are: not ours to remove

    code, said = up(tmp_path)

    assert (code, f"{home} cannot be made anew" in said) == (1, True)
