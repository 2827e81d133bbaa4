"""The real parts that tests run against: Postgres, NATS and the pretend Internet, one set for each worker."""

import asyncio
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from cli.embedded import NatsServer, Postgres
from tests.internet import Internet, pretend_internet
from tests.stores import FreshDatabase, fresh_database, make_template
from tests.streams import FreshStream, fresh_stream, users_of_tests

pytest_plugins = ["tests.figures"]

# Memory as a file system, where there is one: a database for each test is hundreds of files made and removed,
# and some disks then search longer and longer for a free inode. What is tested here syncs to no disk anyway.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of random name is made in it
ENOUGH = 4 * 2**30  # bytes

# Each test makes whole services; the collector would look through all that a worker has kept again and again.
gc.set_threshold(100_000, 50, 100)

# By default structlog renders the locals of every frame of a traceback. On a busy machine that holds up the
# event loop for seconds, and connections time out meanwhile.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    """A directory of this worker's own, open to the user that Postgres runs as."""
    roomy = IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH
    directory = Path(tempfile.mkdtemp(prefix="letterhead-tests-", dir=IN_MEMORY if roomy else None))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres(workspace: Path) -> Iterator[Postgres]:
    """A Postgres server; a test that kills it restarts it."""
    server = Postgres.start(workspace, fsync=False)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Postgres:
    """The same server, with a migrated template to copy."""
    asyncio.run(make_template(postgres))
    return postgres


@pytest.fixture
async def database(migrated: Postgres) -> AsyncIterator[FreshDatabase]:
    """A migrated database of this test's own."""
    async with fresh_database(migrated) as database:
        yield database


@pytest.fixture(scope="session")
def nats_server(workspace: Path) -> Iterator[NatsServer]:
    """A NATS server with JetStream, its users as in production; a test that kills it restarts it."""
    server = NatsServer.start(workspace, users=users_of_tests())
    yield server
    server.stop()


@pytest.fixture
async def stream(nats_server: NatsServer) -> AsyncIterator[FreshStream]:
    """A JetStream stream of this test's own; `stream.settings(user)` is what a service gets."""
    async with fresh_stream(nats_server) as stream:
        yield stream


@pytest.fixture
async def internet(workspace: Path) -> AsyncIterator[Internet]:
    """A pretend Internet of this test's own; `internet.control` publishes records and reads email."""
    async with pretend_internet(workspace / "certificates") as internet:
        yield internet
