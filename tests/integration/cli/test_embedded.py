"""The embedded servers keep their data, restart, report why they cannot start, and end with their parent."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from cli.embedded import NatsServer, Postgres
from cli.server_process import HOST, EmbeddedError, free_port, port_is_free
from tests.streams import OPERATOR, connected, users_of_tests
from tests.waiting import eventually

PARENT = """
import sys, time
from pathlib import Path
from cli.embedded import NatsServer, Postgres

servers = [Postgres.start(Path(sys.argv[1]), fsync=False), NatsServer.start(Path(sys.argv[1]))]
print(*(server.port for server in servers), flush=True)
time.sleep(60)
"""


@pytest.fixture
def directory(workspace: Path) -> Path:
    return workspace / uuid4().hex


async def test_postgres_keeps_its_data_when_killed(directory: Path) -> None:
    postgres = Postgres.start(directory)
    await query(postgres, "CREATE TABLE numbers AS SELECT 7 AS number")

    postgres.kill()
    postgres.restart()

    assert await query(postgres, "SELECT number FROM numbers") == 7
    postgres.stop()


async def test_postgres_keeps_its_data_across_a_restart(directory: Path) -> None:
    first = Postgres.start(directory)
    await query(first, "CREATE TABLE numbers AS SELECT 7 AS number")
    first.stop()

    second = Postgres.start(directory)

    assert await query(second, "SELECT number FROM numbers") == 7
    second.stop()


async def test_postgres_starts_empty_in_a_recreated_private_directory(directory: Path) -> None:
    """Postgres's user cannot enter root's private directories, so its data is stored in ROOT_HOME."""
    directory.mkdir(mode=0o700)
    first = Postgres.start(directory)
    await query(first, "CREATE TABLE numbers AS SELECT 7 AS number")
    first.stop()
    shutil.rmtree(directory)
    directory.mkdir(mode=0o700)

    second = Postgres.start(directory)

    assert await query(second, "SELECT to_regclass('numbers')") is None
    second.stop()


async def test_the_superuser_needs_a_password(postgres: Postgres) -> None:
    password = postgres.url().partition("@")[0].rpartition(":")[2]

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url().replace(f":{password}@", "@"))


async def test_wiping_nats_deletes_its_streams(directory: Path) -> None:
    server = NatsServer.start(directory, users=users_of_tests())
    async with connected(server, OPERATOR) as connection:
        await connection.jetstream().add_stream(name="LOST", subjects=["lost"])

    server.wipe()

    async with connected(server, OPERATOR) as connection:
        assert await connection.jetstream().streams_info() == []
    server.stop()


@pytest.mark.parametrize("server", [Postgres, NatsServer])
def test_a_port_in_use_is_named(server: type[Postgres | NatsServer], directory: Path) -> None:
    with socket.create_server((HOST, free_port())) as other:
        port = other.getsockname()[1]

        with pytest.raises(EmbeddedError, match=rf"cannot listen on {HOST}:{port}.*another port"):
            server.start(directory, port)


async def test_servers_end_when_their_parent_is_killed(directory: Path) -> None:
    parent = subprocess.Popen(  # noqa: ASYNC220 - blocks only briefly
        [sys.executable, "-c", PARENT, directory], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    ports = [int(port) for port in parent.stdout.readline().split()]
    assert not any(map(port_is_free, ports))

    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()

    await eventually(lambda: all(map(port_is_free, ports)))


async def query(postgres: Postgres, sql: str) -> object:
    connection = await asyncpg.connect(postgres.url())
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
