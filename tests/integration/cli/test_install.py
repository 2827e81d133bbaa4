"""`make install` creates a working .venv, even over a broken or moved one."""

import shutil
import subprocess
from pathlib import Path
from venv import EnvBuilder

import pytest

from tests.contract.sources import ROOT

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout in a folder with a space in its name, whose `letterhead` prints its own path."""
    folder = tmp_path / "my projects" / "letterhead"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copy(ROOT / "Makefile", folder)
    for name, text in {
        "requirements/embedded.txt": "",
        "requirements/dev.txt": "",
        "cli/__main__.py": "print(__file__)\n",
        "protos/letterhead/none.proto": "",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def installed(folder: Path) -> str:
    """Run `make install` and the command that it installs; return the command's output."""
    subprocess.run(["make", "install"], cwd=folder, check=True, capture_output=True)  # noqa: S607 - any make on the PATH
    done = subprocess.run(
        [folder / ".venv/bin/letterhead"], cwd="/", check=True, capture_output=True, text=True
    )
    return done.stdout


def test_an_incomplete_or_moved_venv_is_recreated(checkout: Path) -> None:
    EnvBuilder(with_pip=False, symlinks=True).create(checkout / ".venv")
    assert installed(checkout) == f"{checkout}/cli/__main__.py\n"

    moved = checkout.rename(checkout.with_name("moved"))
    assert installed(moved) == f"{moved}/cli/__main__.py\n"
