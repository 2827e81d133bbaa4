"""Each service's role may run every statement of its stores on the migrated schema."""

from pathlib import Path

import asyncpg
import pytest

from chassis.events.tables import statements
from chassis.queries import Queries
from services import schemas
from tests.contract.sources import ROOT
from tests.stores import FreshDatabase

STORES = sorted(path.relative_to(ROOT) for path in (ROOT / "services").rglob("*.sql"))
HISTORY = (
    "identity.tenant_transitions",
    "identity.claim_transitions",
    "verifier.transitions",
    "sender.email_transitions",
)


@pytest.mark.parametrize("path", STORES, ids=str)
async def test_the_role_may_run_every_statement_of_its_store(database: FreshDatabase, path: Path) -> None:
    """Plan each statement: the planner checks names, types and privileges without parameter values."""
    connection = await asyncpg.connect(database.url(path.parts[1]))

    for name, query in Queries.load(ROOT / path):
        try:
            await connection.execute(f"EXPLAIN (GENERIC_PLAN) {query.sql}")
        except asyncpg.PostgresError as error:
            pytest.fail(f"{path}: {name}: {error}")
    await connection.close()


@pytest.mark.parametrize("service", ["identity", "verifier", "sender", "webhooks", "deliverer"])
async def test_the_role_may_run_the_statements_of_the_chassis(database: FreshDatabase, service: str) -> None:
    connection = await asyncpg.connect(database.url(service))
    shared = [
        pair
        for name in ("access", "bucket", "process_reports")
        for pair in Queries.load(ROOT / f"chassis/{name}.sql")
    ]

    for name, query in [*shared, *statements(service)]:
        try:
            await connection.execute(f"EXPLAIN (GENERIC_PLAN) {query.sql}")
        except asyncpg.PostgresError as error:
            pytest.fail(f"{name}: {error}")
    await connection.close()


@pytest.mark.parametrize("table", HISTORY)
async def test_history_is_append_only(database: FreshDatabase, table: str) -> None:
    connection = await asyncpg.connect(database.url(table.split(".", maxsplit=1)[0]))

    for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET created_at = now()"):  # noqa: S608
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    await connection.close()


async def test_a_table_has_one_writing_service(database: FreshDatabase) -> None:
    connection = await asyncpg.connect(database.url("postgres"))
    rows = await connection.fetch(
        "SELECT table_schema, table_name, array_agg(DISTINCT grantee::text) AS writers"
        " FROM information_schema.role_table_grants"
        " WHERE grantee LIKE 'letterhead_%' AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE')"
        " GROUP BY table_schema, table_name"
    )
    await connection.close()

    writers = {f"{row['table_schema']}.{row['table_name']}": set(row["writers"]) for row in rows}
    for table in ("chassis.rate_bucket", "chassis.processes"):
        assert len(writers.pop(table)) == len(schemas())
    assert all(who == {f"letterhead_{table.split('.')[0]}"} for table, who in writers.items())
