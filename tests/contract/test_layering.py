"""Which files may import which third-party libraries; import-linter covers only our own modules."""

import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.contract.sources import EVERYTHING, PRODUCTION, files, imported

# Each third-party library may be imported only by certain files, so that its configuration is in one place.
EDGES = {
    "botocore": ["chassis/aws.py", "services/*/ses.py", "services/*/intake/*.py"],
    "dns": ["services/verifier/resolver/*.py", "services/deliverer/posting.py"],
    "asyncpg": [
        "chassis/database.py", "chassis/migrate.py", "chassis/background.py", "services/*/store/*.py",
    ],
    "nats": ["chassis/events/*.py"],
    "aiohttp": ["services/webhooks/intake/*.py", "services/deliverer/posting.py"],
    "fast_mail_parser": ["services/sender/mime_verification/parser_mailparse.py"],
    "grpc": [
        "chassis/*.py", "services/*/assemblies/*.py", "services/*/servicer.py", "services/*/servicer/*.py",
        "services/console/stubs.py", "services/console/api/errors.py",  # status codes of errors
    ],
    "letterhead": [
        "chassis/reasons.py", "chassis/scopes.py", "chassis/errors.py", "chassis/client.py",
        "chassis/events/subjects.py", "services/*/assemblies/*.py", "services/*/events.py",
        "services/*/events/*.py",
        "services/*/servicer.py", "services/*/servicer/*.py",
        "services/console/*.py",  # has no types of its own, and shows those of the other services
    ],
    "starlette": ["services/console/*.py", "services/webhooks/intake/*.py"],
    "uvicorn": ["chassis/web.py", "chassis/connections.py"],
    "jinja2": ["services/console/pages/*.py"],
    "cryptography": [
        "chassis/sealing.py", "chassis/certificates.py", "services/console/session.py",
        "services/webhooks/intake/*.py",
    ],
}  # fmt: skip


@pytest.mark.parametrize("library", EDGES)
def test_a_library_is_imported_only_where_allowed(library: str) -> None:
    violations = [
        str(path)
        for path in files(*PRODUCTION)
        if library in {name.partition(".")[0] for name in imported(path)}
        and not any(fnmatch(str(path), allowed) for allowed in EDGES[library])
    ]

    assert violations == []


# Libraries that a model may import besides the standard library: lookup tables and a tokenizer, without I/O.
PURE = {"idna", "publicsuffixlist", "turbohtml"}
# The modules of the chassis that models share; they are as pure.
SHARED = {
    "chassis.addresses",
    "chassis.encoded_words",
    "chassis.field_reasons",
    "chassis.mailboxes",
    "chassis.message_ids",
    "chassis.sentences",
}


def models() -> list[Path]:
    shared = [Path(f"{name.replace('.', '/')}.py") for name in sorted(SHARED)]
    return [*shared, *(path for path in files("services") if path.parts[2:3] == ("model",))]


@pytest.mark.parametrize("path", models(), ids=str)
def test_a_model_imports_only_pure_libraries(path: Path) -> None:
    own = ".".join(path.parts[:3])

    others = {name for name in imported(path) if not name.startswith((own, *SHARED))}

    assert {name.partition(".")[0] for name in others} <= sys.stdlib_module_names | PURE


def test_unit_tests_do_not_need_a_server() -> None:
    servers = {"asyncpg", "nats", "grpc", "tests.stores", "tests.streams", "tests.factories", "cli.embedded"}

    violations = {
        str(path): found for path in files("tests/unit") if (found := servers & set(imported(path)))
    }

    assert violations == {}


def test_no_test_uses_mocks() -> None:
    patching = [str(path) for path in files(*EVERYTHING) if "unittest.mock" in set(imported(path))]

    assert patching == []
