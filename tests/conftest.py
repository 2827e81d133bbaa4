"""Fixtures of real dependencies: Postgres, NATS and the sandbox Internet, one set per pytest worker."""

import asyncio
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from cli.embedded import NatsServer, Postgres
from tests.installations import VERSIONS, installation_of
from tests.internet import Internet, pretend_internet
from tests.stores import FreshDatabase, fresh_database, make_template
from tests.streams import FreshStream, fresh_stream, users_of_tests

pytest_plugins = ["tests.figures"]

# Use tmpfs if available: each test creates and deletes a database of hundreds of files, after which some
# disks take longer and longer to find a free inode. These tests run without fsync anyway.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory with a random name is created in it
ENOUGH = 4 * 2**30  # bytes

# Each test starts whole services; by default the collector would scan all live objects far too often.
gc.set_threshold(100_000, 50, 100)

# By default structlog renders the locals of every frame of a traceback. On a busy machine that blocks the
# event loop for seconds, so that connections time out.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """Return a directory for this worker, accessible to the user that Postgres runs as."""
    enough = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH
    directory = Path(tempfile.mkdtemp(prefix="letterhead-tests-", dir=IN_MEMORY if enough else None))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgres",
        choices=VERSIONS,
        default=VERSIONS[-1],
        help="major version of the Postgres to test with",
    )


@pytest.fixture(scope="session")
def postgres(workspace: Path, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """Return a Postgres server; a test that kills it must restart it."""
    installation = installation_of(request.config.getoption("--postgres"))
    server = Postgres.start(workspace, fsync=False, installation=installation)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Postgres:
    """Return the same server, with a migrated template database."""
    asyncio.run(make_template(postgres))
    return postgres


@pytest.fixture
async def database(migrated: Postgres) -> AsyncIterator[FreshDatabase]:
    """Return a migrated database for this test only."""
    async with fresh_database(migrated) as database:
        yield database


@pytest.fixture(scope="session")
def nats_server(workspace: Path) -> Iterator[NatsServer]:
    """Return a NATS server with JetStream and production users; a test that kills it must restart it."""
    server = NatsServer.start(workspace, users=users_of_tests())
    yield server
    server.stop()


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[FreshStream]:
    """Return a JetStream stream for this test only; `stream.settings(user)` configures a service."""
    async with fresh_stream(nats_server) as stream:
        yield stream


@pytest.fixture
async def internet(workspace: Path) -> AsyncIterator[Internet]:
    """Return a sandbox Internet for this test only; `internet.control` publishes records and reads email."""
    async with pretend_internet(workspace / "certificates") as internet:
        yield internet
