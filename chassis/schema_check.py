"""Whether the database has the migrations of this release. A process starts and serves without them."""

from datetime import timedelta

from prometheus_client import Gauge

from chassis.database import Database
from chassis.migrate import QUERIES, migrations
from chassis.periodic import PeriodicTask

MIGRATIONS = Gauge(
    "letterhead_migrations_differing",
    "Migrations of this release that the database lacks, or that were edited after they were applied",
    ["state"],
)
INTERVAL = timedelta(seconds=30)


class SchemaCheck:
    """Compares the digests of the migrations of this release with those that the database has applied."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted = {each.name: each.sha256 for each in migrations()}
        self.task = PeriodicTask("schema check", self._compare, interval=INTERVAL, cap=INTERVAL)

    async def _compare(self) -> None:
        applied = {row["name"]: row["sha256"] for row in await self._database.fetch(*QUERIES.applied())}
        missing = self._wanted.keys() - applied.keys()
        edited = [name for name, digest in self._wanted.items() if applied.get(name, digest) != digest]
        MIGRATIONS.labels("missing").set(len(missing))
        MIGRATIONS.labels("edited").set(len(edited))
