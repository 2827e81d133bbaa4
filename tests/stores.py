"""A database of a test's own, migrated, and gone afterwards."""

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


@dataclass(frozen=True)
class FreshDatabase:
    """One database; services get it by `settings`, tests look into it by `execute` and `fetch`."""

    server: Postgres
    name: str

    def url(self, role: str) -> str:
        """The URL for `role`: a service's name, or `postgres` for what no service may do."""
        return self.server.url(role if role == "postgres" else f"letterhead_{role}", self.name)

    def settings(self, role: str, pool_size: int = 5) -> config.Database:
        """What a service of this role gets as its configuration."""
        return config.Database(database_url=config.Secret(self.url(role)), database_pool_size=pool_size)

    @asynccontextmanager
    async def open(self, role: str) -> AsyncIterator[Database]:
        """A pool as a service of this role has it."""
        async with open_database(self.settings(role), application_name=f"test-{role}") as database:
            yield database

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Runs one statement as superuser and returns its rows."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()

    async def execute(self, sql: str, *args: Any) -> None:
        """Runs one statement as superuser: to age rows, or to write what another service would have."""
        await self.fetch(sql, *args)


async def make_template(server: Postgres) -> None:
    """Migrates, once, the database that each test's own is a copy of."""
    await _as_superuser(server, f"CREATE DATABASE {TEMPLATE}")
    await migrate(server.url(database=TEMPLATE))


@asynccontextmanager
async def fresh_database(server: Postgres) -> AsyncIterator[FreshDatabase]:
    """Copies the template for one test."""
    name = f"test_{uuid4().hex}"
    await _as_superuser(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield FreshDatabase(server, name)
    await _as_superuser(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _as_superuser(server: Postgres, sql: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
