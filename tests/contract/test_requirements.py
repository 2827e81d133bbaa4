"""Every dependency is pinned by hash without an index; the image contains what the services import."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.contract.sources import EVERYTHING, PRODUCTION, ROOT, files, imported

PINS = sorted((ROOT / "requirements").glob("*.txt"))
# Imported only by other packages: starlette uses it to parse forms.
PLUGINS = {"python-multipart"}
OURS = {"chassis", "services", "letterhead", "cli"}
# Modules of the command that run the sandbox, which is not in the image.
WITH_SANDBOX = {
    path for path in files("cli") if any(name.partition(".")[0] == "sandbox" for name in imported(path))
}


def blocks(path: Path) -> list[str]:
    """Return the pins of a file, each with its hashes."""
    return re.split(r"\n(?=[a-z])", path.read_text().strip())


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_a_hash(path: Path) -> None:
    unpinned = [
        block for block in blocks(path) if not re.match(r"[\w.-]+==\S+.*--hash=sha256:", block, re.DOTALL)
    ]

    assert unpinned == []


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_no_pin_contains_an_index_or_url(path: Path) -> None:
    assert not re.search(r"://|--find-links|index-url", path.read_text())


@pytest.mark.parametrize("path", PINS, ids=lambda path: path.name)
def test_every_requirement_is_pinned(path: Path) -> None:
    wanted = re.findall(r"^[\w-]+", path.with_suffix(".in").read_text(), re.MULTILINE)

    pinned = {block.partition("==")[0] for block in blocks(path)}

    assert {name for name in wanted if not name.startswith("-")} <= pinned


def providers() -> dict[str, set[str]]:
    """Return the packages that provide each third-party module that the services and the command import."""
    distributions = packages_distributions()
    paths = [path for path in files(*PRODUCTION, "cli") if path not in WITH_SANDBOX]
    names = {name.partition(".")[0] for path in paths for name in imported(path)}
    return {
        name: {distribution.lower().replace("_", "-") for distribution in distributions[name]}
        for name in names - OURS - set(sys.stdlib_module_names)
    }


def test_the_image_contains_every_package_that_it_imports() -> None:
    pinned = {block.partition("==")[0] for block in blocks(ROOT / "requirements/runtime.txt")}

    assert [name for name, packages in providers().items() if not packages & pinned] == []


def test_no_dependency_shadows_one_of_our_packages() -> None:
    """Installed packages come before ours on the path, so no names may be equal."""
    assert {*EVERYTHING, *OURS, "bench"} & set(packages_distributions()) == set()


def test_the_image_has_no_requirement_that_it_does_not_import() -> None:
    lines = (ROOT / "requirements/runtime.in").read_text().splitlines()
    required = {found[0] for line in lines if (found := re.match(r"[\w-]+", line))}

    assert required - set().union(*providers().values()) == PLUGINS
