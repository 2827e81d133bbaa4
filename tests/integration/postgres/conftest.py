"""Postgres servers that require passwords: the oldest supported version and the newest."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from cli.embedded import Postgres
from cli.server_process import HOST
from tests.installations import VERSIONS, installation_of


@pytest.fixture(scope="session", params=VERSIONS)
def server(workspace: Path, request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """Return a server of each version whose roles all need a password."""
    started = Postgres.start(
        workspace / f"postgres-{request.param}", fsync=False, installation=installation_of(request.param)
    )
    asyncio.run(_require_passwords(started))
    yield started
    started.stop()


async def _require_passwords(server: Postgres) -> None:
    connection = await asyncpg.connect(server.url())
    rules = Path(await connection.fetchval("SHOW hba_file"))
    rules.write_text(f"host all all {HOST}/32 scram-sha-256\n")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
