"""A migrated database for each test, dropped afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg

from chassis import config
from chassis.database import Database, open_database
from chassis.migrate import migrate
from cli.embedded import Postgres

TEMPLATE = "letterhead_template"


class Superuser:
    """The superuser's connections to one database.

    They are reused, because a new one costs 15 ms of CPU, and `eventually` runs statements in a loop.
    """

    def __init__(self, server: Postgres, pool: asyncpg.Pool) -> None:
        self._server = server
        self._process = server.process
        self._pool = pool

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement and return its rows."""
        if self._server.process is not self._process:  # the test restarted it
            self._process = self._server.process
            await self._pool.expire_connections()
        rows: list[asyncpg.Record] = await self._pool.fetch(sql, *args)
        return rows


@dataclass(frozen=True)
class FreshDatabase:
    """One database; services connect with `settings`, tests use `execute` and `fetch`."""

    server: Postgres
    name: str
    superuser: Superuser

    def url(self, role: str) -> str:
        """Return the URL for `role`: the name of a service, or `postgres` for the superuser."""
        return self.server.url(role if role == "postgres" else f"letterhead_{role}", self.name)

    def settings(self, role: str, pool_size: int = 5) -> config.Database:
        """Return the database settings of a service with this role."""
        return config.Database(database_url=config.Secret(self.url(role)), database_pool_size=pool_size)

    @asynccontextmanager
    async def open(self, role: str) -> AsyncIterator[Database]:
        """Open a connection pool like that of a service with this role."""
        async with open_database(self.settings(role), application_name=f"test-{role}") as database:
            yield database

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement as superuser and return its rows."""
        return await self.superuser.fetch(sql, *args)

    async def execute(self, sql: str, *args: Any) -> None:
        """Run one statement as superuser, to age rows or to write what another service would have written."""
        await self.fetch(sql, *args)


async def make_template(server: Postgres) -> None:
    """Create and migrate the template database that each test copies."""
    await _as_superuser(server, f"CREATE DATABASE {TEMPLATE}")
    await migrate(server.url(database=TEMPLATE))


@asynccontextmanager
async def opened_database(server: Postgres, name: str) -> AsyncIterator[FreshDatabase]:
    """Yield a database of a server, which may be created later."""
    pool = asyncpg.create_pool(
        server.url(database=name),
        min_size=0,
        max_size=20,
        statement_cache_size=0,  # the test may change the schema
    )
    async with pool:
        yield FreshDatabase(server, name, Superuser(server, pool))


@asynccontextmanager
async def fresh_database(server: Postgres) -> AsyncIterator[FreshDatabase]:
    """Copy the template for one test, and drop the copy afterwards."""
    name = f"test_{uuid4().hex}"
    # Copying files takes half the time of writing all pages to the log.
    await _as_superuser(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
    async with opened_database(server, name) as database:
        yield database
    await _as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _as_superuser(server: Postgres, sql: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
