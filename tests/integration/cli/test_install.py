"""`make install` makes a .venv that works where the checkout is now, whatever was left of another."""

import shutil
import subprocess
from pathlib import Path
from venv import EnvBuilder

import pytest

from tests.contract.sources import ROOT

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space in its name, of a `letterhead` that says where it is."""
    place = tmp_path / "my projects" / "letterhead"
    shutil.copytree(ROOT / "scripts", place / "scripts")
    shutil.copy(ROOT / "Makefile", place)
    for name, text in {
        "requirements/embedded.txt": "",
        "requirements/dev.txt": "",
        "cli/__main__.py": "print(__file__)\n",
        "protos/letterhead/none.proto": "",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def installed(place: Path) -> str:
    """Runs `make install` and the command that it makes; gives what that says."""
    subprocess.run(["make", "install"], cwd=place, check=True, capture_output=True)  # noqa: S607 - whichever make
    said = subprocess.run(
        [place / ".venv/bin/letterhead"], cwd="/", check=True, capture_output=True, text=True
    )
    return said.stdout


def test_it_is_made_anew_where_its_making_broke_off_or_a_checkout_was_moved(checkout: Path) -> None:
    EnvBuilder(with_pip=False, symlinks=True).create(checkout / ".venv")
    assert installed(checkout) == f"{checkout}/cli/__main__.py\n"

    moved = checkout.rename(checkout.with_name("moved"))
    assert installed(moved) == f"{moved}/cli/__main__.py\n"
