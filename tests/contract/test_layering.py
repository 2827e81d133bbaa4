"""Who may import what, file by file; what import-linter cannot say of modules outside of us."""

import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.contract.sources import EVERYTHING, PRODUCTION, ROOT, files, imported

# Each outside library stands in one kind of file, so that all it must be told is said in one place.
EDGES = {
    "boto3": ["services/*/ses.py", "services/*/intake.py"],
    "botocore": ["services/*/ses.py", "services/*/intake.py"],
    "dns": ["services/verifier/resolver*.py"],
    "asyncpg": ["chassis/database.py", "chassis/migrate.py", "chassis/background.py", "services/*/store*.py"],
    "nats": ["chassis/events/*.py"],
    "aiohttp": ["services/webhooks/*.py"],
    "fast_mail_parser": ["services/sender/reader_mailparse.py"],
    "grpc": [
        "chassis/*.py", "services/*/__main__.py", "services/*/servicer*.py", "services/console/calls.py",
        "services/console/api*.py", "services/console/pages*.py",  # the codes that a refusal has
    ],
    "letterhead": [
        "chassis/errors.py", "services/*/__main__.py", "services/*/servicer*.py", "services/*/events.py",
        "services/console/*.py",  # which has no words of its own, and shows what the others say
    ],
    "starlette": ["services/console/*.py"],
    "uvicorn": ["chassis/web.py"],
    "jinja2": ["services/console/pages*.py"],
    "cryptography": ["services/console/session.py"],
}  # fmt: skip


@pytest.mark.parametrize("library", EDGES)
def test_a_library_is_imported_only_by_its_edge(library: str) -> None:
    strangers = [
        str(path)
        for path in files(*PRODUCTION)
        if library in {name.partition(".")[0] for name in imported(path)}
        and not any(fnmatch(str(path), allowed) for allowed in EDGES[library])
    ]

    assert strangers == []


# How far in a file of a service stands, by the first word of its name; other words are free.
DEPTH = {
    "servicer": 1,
    "worker": 1,
    "application": 1,
    "api": 2,
    "pages": 2,
    "live": 3,
    "links": 3,
    "session": 4,
    "hardening": 4,
    "observed": 3,
    "forms": 3,
    "assets": 4,
    "calls": 5,
    "store": 2,
    "ses": 2,
    "resolver": 2,
    "intake": 2,
    "events": 3,
    "model": 4,
}


def depth(path: Path) -> int:
    return 0 if path.stem == "__main__" else DEPTH[path.stem.partition("_")[0]]


def layered() -> list[Path]:
    return [path for path in files("services") if path.stem.partition("_")[0] in {"", *DEPTH}]


@pytest.mark.parametrize("path", layered(), ids=str)
def test_imports_point_inward(path: Path) -> None:
    known = {sibling(path, name) for name in imported(path)}.intersection(layered())

    outward = [str(other) for other in known if depth(other) < depth(path)]

    assert outward == []


def test_api_and_pages_know_nothing_of_each_other() -> None:
    both = {path: path.stem.partition("_")[0] for path in files("services/console")}
    known = [
        (str(path), name)
        for path, side in both.items()
        if side in {"api", "pages"}
        for name in imported(path)
        if sibling(path, name).stem.partition("_")[0] in {"api", "pages"} - {side}
    ]

    assert known == []


def models() -> list[Path]:
    return [path for path in files("services") if path.stem == "model" or path.stem.startswith("model_")]


def sibling(path: Path, name: str) -> Path:
    """The file of a module of the same service; the model's own place when there is none."""
    package = path.parent.as_posix().replace("/", ".")
    return path.with_name(name.removeprefix(f"{package}.") + ".py") if name.startswith(package) else path


def impurities(path: Path) -> set[str]:
    """What a file imports, through its siblings too, that is neither ours nor in the standard library."""
    found = set()
    for name in imported(path):
        if (other := sibling(path, name)) != path and (ROOT / other).exists():
            found |= impurities(other)
        elif name.partition(".")[0] not in sys.stdlib_module_names:
            found.add(name)
    return found


@pytest.mark.parametrize("path", models(), ids=str)
def test_a_model_stands_on_the_standard_library_alone(path: Path) -> None:
    assert impurities(path) == set()


def test_unit_tests_need_no_server() -> None:
    servers = {"asyncpg", "nats", "grpc", "tests.stores", "tests.streams", "tests.factories", "cli.embedded"}

    needy = {str(path): found for path in files("tests/unit") if (found := servers & set(imported(path)))}

    assert needy == {}


def test_nobody_patches() -> None:
    patching = [str(path) for path in files(*EVERYTHING) if "unittest.mock" in set(imported(path))]

    assert patching == []
