"""A process measures whether the database has the migrations of its release."""

from prometheus_client import REGISTRY

from chassis.database import Database
from chassis.schema_check import SchemaCheck
from tests.integration.chassis.conftest import Start
from tests.stores import FreshDatabase
from tests.waiting import eventually


def measured() -> tuple[float | None, float | None]:
    """Return the numbers of missing and of edited migrations."""
    missing, edited = (
        REGISTRY.get_sample_value("letterhead_migrations_differing", {"state": state})
        for state in ("missing", "edited")
    )
    return missing, edited


async def test_missing_and_edited_migrations_are_counted(
    identity: Database, database: FreshDatabase, start: Start
) -> None:
    check = SchemaCheck(identity)
    start(check.task.run)
    await eventually(lambda: measured() == (0, 0))

    await database.execute("DELETE FROM chassis.migrations WHERE name = '0003_verifier.sql'")
    await database.execute("UPDATE chassis.migrations SET sha256 = 'x' WHERE name = '0004_sender.sql'")
    check.task.wake()

    await eventually(lambda: measured() == (1, 1))
