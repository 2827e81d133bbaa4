"""Who may import what, file by file; what import-linter cannot say of modules outside of us."""

import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.contract.sources import EVERYTHING, PRODUCTION, files, imported

# Each outside library stands in one kind of file, so that all it must be told is said in one place.
EDGES = {
    "boto3": ["services/*/ses.py", "services/*/intake/*.py"],
    "botocore": ["services/*/ses.py", "services/*/intake/*.py"],
    "dns": ["services/verifier/resolver/*.py"],
    "asyncpg": [
        "chassis/database.py", "chassis/migrate.py", "chassis/background.py", "services/*/store/*.py",
    ],
    "nats": ["chassis/events/*.py"],
    "aiohttp": ["services/webhooks/intake/*.py"],
    "fast_mail_parser": ["services/sender/proofreading/reader_mailparse.py"],
    "grpc": [
        "chassis/*.py", "services/*/__main__.py", "services/*/servicer.py", "services/*/servicer/*.py",
        "services/console/calls.py",
        "services/console/api/*.py", "services/console/pages/*.py",  # the codes that a refusal has
    ],
    "letterhead": [
        "chassis/errors.py", "services/*/__main__.py", "services/*/servicer.py", "services/*/servicer/*.py",
        "services/*/events.py",
        "services/console/*.py",  # which has no words of its own, and shows what the others say
    ],
    "starlette": ["services/console/*.py", "services/webhooks/intake/*.py"],
    "uvicorn": ["chassis/web.py", "chassis/connections.py"],
    "jinja2": ["services/console/pages/*.py"],
    "cryptography": ["services/console/session.py", "services/webhooks/intake/*.py"],
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


# What a model may stand on beside the standard library: tables of names, as pure as itself.
TABLES = {"idna", "publicsuffixlist"}


def models() -> list[Path]:
    return [path for path in files("services") if path.parent.name == "model"]


@pytest.mark.parametrize("path", models(), ids=str)
def test_a_model_is_pure(path: Path) -> None:
    own = path.parent.as_posix().replace("/", ".")

    strangers = {name for name in imported(path) if not name.startswith(own)}

    assert {name.partition(".")[0] for name in strangers} <= sys.stdlib_module_names | TABLES


def test_unit_tests_need_no_server() -> None:
    servers = {"asyncpg", "nats", "grpc", "tests.stores", "tests.streams", "tests.factories", "cli.embedded"}

    needy = {str(path): found for path in files("tests/unit") if (found := servers & set(imported(path)))}

    assert needy == {}


def test_nobody_patches() -> None:
    patching = [str(path) for path in files(*EVERYTHING) if "unittest.mock" in set(imported(path))]

    assert patching == []
