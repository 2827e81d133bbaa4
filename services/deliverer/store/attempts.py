"""Finished attempts: several are stored in one transaction, with what they say about their endpoints."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from services.deliverer.model.messages import Attempt
from services.deliverer.store.health import HealthStore

QUERIES = Queries.load(Path(__file__).with_name("attempts.sql"))


class AttemptStore:
    """Stores attempts, each once: after a lost connection, the same ones can be stored again."""

    def __init__(self, database: Database, health: HealthStore) -> None:
        self._database = database
        self._health = health

    async def store(self, attempts: Sequence[Attempt]) -> Mapping[UUID, str]:
        """Store attempts, oldest first; return the endpoints that they disable, with the reasons."""
        async with self._database.transaction() as connection:
            stored = await _insert(connection, attempts)
            return await self._health.record(connection, [each for each in attempts if each.id in stored])


async def _insert(connection: Connection, attempts: Sequence[Attempt]) -> set[UUID]:
    query = QUERIES.store_attempts(
        ids=[each.id for each in attempts],
        message_ids=[each.message.id for each in attempts],
        lease_tokens=[each.message.lease_token for each in attempts],
        states=[each.state for each in attempts],
        pauses=[each.pause for each in attempts],
        statuses=[each.answer.status for each in attempts],
        problems=[each.answer.problem for each in attempts],
        answers=[each.answer.text for each in attempts],
        durations=[each.duration for each in attempts],
    )
    return {row["id"] for row in await connection.fetch(*query)}
