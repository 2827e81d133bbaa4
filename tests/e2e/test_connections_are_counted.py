"""The connections of each process to Postgres are those by which people size the server."""

import asyncpg
import pytest

from chassis.database import CHECK, LISTEN
from chassis.events.tables import channel
from services import PROCESSES, Process
from tests.e2e.conftest import World
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_process_has_the_connections_beside_its_pool_that_are_listed(world: World) -> None:
    wanted = {name for process in PROCESSES if process.schema for name in _named(process)}

    async def as_listed() -> bool:
        return await _open_connections(world) == wanted

    await eventually(as_listed)


def _named(process: Process) -> set[str]:
    """Return the names of its connections beside the pool, whose number is what `connections` counts."""
    channels = [*process.listens, channel(process.name)]
    names = {f"{process.name} {CHECK}", *(f"{process.name} {LISTEN} {each}" for each in channels)}
    assert len(names) == process.connections(0)
    return names


async def _open_connections(world: World) -> set[str]:
    connection = await asyncpg.connect(world.installation.database_url)
    rows = await connection.fetch(
        "SELECT application_name FROM pg_stat_activity"
        " WHERE usename <> 'postgres' AND application_name LIKE '% %'"
    )
    await connection.close()
    return {row["application_name"] for row in rows}
