"""Every dependency is pinned by hash, wherever a machine gets it from; the image holds what it imports."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.contract.sources import EVERYTHING, PRODUCTION, ROOT, files, imported

PINS = sorted((ROOT / "requirements").glob("*.txt"))
# Looked for by those whom it serves: starlette reads forms by it.
PLUGINS = {"python-multipart"}
OURS = {"chassis", "services", "letterhead"}


def blocks(path: Path) -> list[str]:
    """The pins of a file, each with its hashes."""
    return re.split(r"\n(?=[a-z])", path.read_text().strip())


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_a_hash(path: Path) -> None:
    loose = [
        block for block in blocks(path) if not re.match(r"[\w.-]+==\S+.*--hash=sha256:", block, re.DOTALL)
    ]

    assert loose == []


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_no_pin_names_a_place_to_get_it_from(path: Path) -> None:
    assert not re.search(r"://|--find-links|index-url", path.read_text())


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_what_is_wanted_is_pinned(path: Path) -> None:
    wanted = re.findall(r"^[\w-]+", path.with_suffix(".in").read_text(), re.MULTILINE)

    pinned = {block.partition("==")[0] for block in blocks(path)}

    assert {name for name in wanted if not name.startswith("-")} <= pinned


def providers() -> dict[str, set[str]]:
    """The packages that hold each module which the services import from outside."""
    distributions = packages_distributions()
    names = {name.partition(".")[0] for path in files(*PRODUCTION) for name in imported(path)}
    return {
        name: {distribution.lower().replace("_", "-") for distribution in distributions[name]}
        for name in names - OURS - set(sys.stdlib_module_names)
    }


def test_the_image_holds_every_package_that_the_services_import() -> None:
    pinned = {block.partition("==")[0] for block in blocks(ROOT / "requirements/runtime.txt")}

    assert [name for name, packages in providers().items() if not packages & pinned] == []


def test_no_package_takes_a_name_of_ours() -> None:
    """Installed packages come before ours on the path."""
    assert {*EVERYTHING, *OURS, "bench"} & set(packages_distributions()) == set()


def test_the_image_holds_no_package_for_others_sake() -> None:
    lines = (ROOT / "requirements/runtime.in").read_text().splitlines()
    asked_for = {found[0] for line in lines if (found := re.match(r"[\w-]+", line))}

    assert asked_for - set().union(*providers().values()) == PLUGINS
