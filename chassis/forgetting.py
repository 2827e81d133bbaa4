"""Forgets rows that are older than they need be, in batches that lock little; each service has its rules.

What is forgotten when, table by table, stands in docs/retention.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from prometheus_client import Counter

from chassis.database import Database
from chassis.rounds import Rounds

FORGOTTEN = Counter("letterhead_forgotten_rows_total", "Rows whose time was over, by rule", ["rule"])

BATCH = 500  # rows of one statement: milliseconds of locks, also where other rows go with each
INTERVAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Rule:
    """What is forgotten at which age: a statement of the age ($1) and the most rows to forget ($2)."""

    name: str
    statement: str
    age: timedelta


class Forgetting:
    """Goes by the rules of one service; replicas may do so side by side."""

    def __init__(self, database: Database, rules: Sequence[Rule]) -> None:
        self._database = database
        self._rules = rules
        self.rounds = Rounds("forgetting", self.forget, interval=INTERVAL)

    async def forget(self) -> bool:
        """Forget a batch by every rule; says whether there may be more. Raises once all had their turn."""
        full, errors = False, []
        for rule in self._rules:
            try:
                full |= await self._batch(rule) == BATCH
            except Exception as error:  # noqa: BLE001 - one rule that fails keeps no other from its work
                errors.append(error)
        if errors:
            raise errors[0]
        return full

    async def _batch(self, rule: Rule) -> int:
        tag = await self._database.execute(rule.statement, rule.age, BATCH)
        rows = int(tag.rpartition(" ")[2])
        FORGOTTEN.labels(rule.name).inc(rows)
        return rows
