"""Daily partitions: tables that are partitioned by the day of a UUIDv7, so that dropping a day costs nothing.

The functions in schema/0001_chassis.sql create and drop the partitions, and check what a role may rotate.
"""

from datetime import timedelta
from pathlib import Path

from prometheus_client import Gauge

from chassis.database import Database, Queries
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger

log = get_logger(__name__)
QUERIES = Queries.load(Path(__file__).with_name("partitions.sql"))
DAYS_AHEAD = 7
INTERVAL = timedelta(minutes=10)
AHEAD = Gauge("letterhead_partition_days_ahead", "How many of the next 7 days have a partition", ["table"])


class DayPartitions:
    """Rotates the partitions of one table, given as `schema.name`; replicas may run it concurrently.

    A day is stored for `retention` after its end, at least for one day, and as long as the table named by
    `kept_by` in chassis.partitioned_tables has an id of that day or of an earlier one.
    """

    def __init__(self, database: Database, table: str, *, retention: timedelta) -> None:
        self._database = database
        self._table = table
        self._retention = retention
        self.task = PeriodicTask(f"partitions of {table}", self.rotate, interval=INTERVAL)

    async def rotate(self) -> bool:
        """Create the next days' partitions and drop old ones; return False: the work is done."""
        fetchval = self._database.fetchval
        try:
            made = await fetchval(*QUERIES.make(table=self._table, days_ahead=DAYS_AHEAD))
            dropped = await fetchval(*QUERIES.drop(table=self._table, retention=self._retention))
        finally:
            ahead = await fetchval(*QUERIES.days_ahead(table=self._table, days_ahead=DAYS_AHEAD))
            AHEAD.labels(self._table).set(ahead)
        if made or dropped:
            log.info(
                "partitions rotated",
                action="partitions_rotated",
                table=self._table,
                made=made,
                dropped=dropped,
            )
        return False
