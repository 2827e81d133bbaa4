"""Retention: deletes expired rows in small batches that hold locks only briefly. Each service has its rules.

docs/retention.md lists the retention of every table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter

from chassis.database import Database
from chassis.periodic import PeriodicTask
from chassis.queries import Query

EXPIRED_ROWS = Counter(
    "letterhead_expired_rows_deleted_total", "Rows deleted by retention, by rule", ["rule"]
)

BATCH = 500  # rows per statement: holds locks for milliseconds, even if dependent rows are deleted too
INTERVAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """Retention rule: a statement that deletes at most `:limit` rows that are older than `:age`."""

    name: str
    statement: Query
    age: timedelta


class Retention:
    """Periodic task that applies the retention rules of one service; replicas may run it concurrently."""

    def __init__(self, database: Database, rules: Sequence[Rule]) -> None:
        self._database = database
        self._rules = rules
        self.task = PeriodicTask("retention", self.delete_old, interval=INTERVAL)

    async def delete_old(self) -> bool:
        """Delete one batch per rule and return whether more rows may be due.

        A rule that fails does not stop the others; the first error is raised after all rules have run.
        """
        full, errors = False, []
        for rule in self._rules:
            try:
                full |= await self._batch(rule) == BATCH
            except Exception as error:  # noqa: BLE001 - a failing rule must not stop the others
                errors.append(error)
        if errors:
            raise errors[0]
        return full

    async def _batch(self, rule: Rule) -> int:
        tag = await self._database.execute(*rule.statement(age=rule.age, limit=BATCH))
        rows = int(tag.rpartition(" ")[2])
        EXPIRED_ROWS.labels(rule.name).inc(rows)
        return rows
