"""Migrations are applied once, in order and under a lock; edited ones are rejected."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chassis.migrate import MigrationError, migrate
from cli.embedded import Postgres

FIRST = "CREATE SCHEMA chassis; CREATE TABLE chassis.a (id int);"


@pytest.fixture
async def empty(postgres: Postgres) -> AsyncIterator[str]:
    """Return the URL of an empty database."""
    name = f"empty_{uuid4().hex}"
    owner = await asyncpg.connect(postgres.url())
    await owner.execute(f"CREATE DATABASE {name}")
    yield postgres.url(database=name)
    await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await owner.close()


def a_schema(tmp_path: Path, *texts: str, roles: str = "SELECT 1") -> Path:
    for number, text in enumerate(texts, start=1):
        (tmp_path / f"{number:04}_step.sql").write_text(text)
    (tmp_path / "roles.sql").write_text(roles)
    return tmp_path


async def test_each_migration_is_applied_once_and_in_order(empty: str, tmp_path: Path) -> None:
    first = await migrate(empty, a_schema(tmp_path, FIRST, "ALTER TABLE chassis.a ADD b int"))
    second = await migrate(
        empty, a_schema(tmp_path, FIRST, "ALTER TABLE chassis.a ADD b int", "DROP TABLE chassis.a")
    )

    assert first == ["0001_step.sql", "0002_step.sql"]
    assert second == ["0003_step.sql"]


async def test_concurrent_migrators_apply_each_migration_once(empty: str, tmp_path: Path) -> None:
    directory = a_schema(tmp_path, FIRST, "ALTER TABLE chassis.a ADD b int")

    applied = await asyncio.gather(*(migrate(empty, directory) for _ in range(5)))

    assert sorted(applied, key=len)[:4] == [[]] * 4


async def test_a_failed_migration_is_rolled_back(empty: str, tmp_path: Path) -> None:
    broken = "CREATE TABLE chassis.b (id int); SELECT 1 / 0"
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, a_schema(tmp_path, FIRST, broken))

    assert await migrate(empty, a_schema(tmp_path, FIRST, "CREATE TABLE chassis.b (id int)")) == [
        "0002_step.sql"
    ]


async def test_an_edited_migration_is_rejected(empty: str, tmp_path: Path) -> None:
    await migrate(empty, a_schema(tmp_path, FIRST))

    with pytest.raises(MigrationError, match=r"0001_step\.sql was edited"):
        await migrate(empty, a_schema(tmp_path, FIRST + " "))


async def test_migrations_of_a_newer_release_are_ignored(empty: str, tmp_path: Path) -> None:
    await migrate(empty, a_schema(tmp_path, FIRST, "SELECT 1"))
    (tmp_path / "0002_step.sql").unlink()

    assert await migrate(empty, tmp_path) == []


async def test_a_database_from_before_the_first_release_is_rejected(empty: str, tmp_path: Path) -> None:
    await migrate(empty, a_schema(tmp_path, FIRST))
    (tmp_path / "0001_step.sql").rename(tmp_path / "0001_chassis.sql")

    with pytest.raises(MigrationError, match=r"schema of 0001_step\.sql.*Use an empty database"):
        await migrate(empty, tmp_path)


async def test_roles_are_applied_every_time(empty: str, tmp_path: Path) -> None:
    directory = a_schema(tmp_path, FIRST, roles="CREATE TABLE IF NOT EXISTS chassis.roles_ran ()")
    await migrate(empty, directory)
    connection = await asyncpg.connect(empty)
    await connection.execute("DROP TABLE chassis.roles_ran")

    await migrate(empty, directory)

    assert await connection.fetchval("SELECT to_regclass('chassis.roles_ran') IS NOT NULL")
    await connection.close()


async def test_the_real_schema_can_be_migrated_twice(empty: str) -> None:
    first, second = await migrate(empty), await migrate(empty)

    assert first[0] == "0001_chassis.sql"
    assert second == []
