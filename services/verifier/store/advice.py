"""Claims whose advice changed, and the checks of their advisory records, in Postgres."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from chassis import config
from chassis.database import Database, Queries
from services.verifier.model.decisions import Claim, Record
from services.verifier.model.records import Check
from services.verifier.store import rows
from services.verifier.store.verifications import notify_watchers, save_checks

QUERIES = Queries.load(Path(__file__).with_name("advice.sql"))


@dataclass(frozen=True, slots=True)
class DueAdvice:
    """A claim whose advisory records are to be checked, because they changed in this revision."""

    claim: Claim
    revision: int


class AdviceStore:
    """The advice of one account and region."""

    def __init__(self, database: Database, aws: config.Aws) -> None:
        self._database = database
        self._region = {"account": aws.aws_account, "region": aws.aws_region}

    async def due(self, limit: int, *, besides: Iterable[DueAdvice]) -> list[DueAdvice]:
        """Return claims, other than `besides`, whose advice changed after its last check."""
        known = [each.claim.claim_id for each in besides]
        found = await self._database.fetch(*QUERIES.due_advice(**self._region, besides=known, limit=limit))
        return [DueAdvice(rows.claim(row), row["advisory_revision"]) for row in found]

    async def save(self, due: DueAdvice, records: Sequence[Record], checks: Sequence[Check]) -> None:
        """Store the checks of advisory records; no effect if newer ones are stored."""
        statement = QUERIES.end_advice_check(
            claim_id=due.claim.claim_id, generation=due.claim.generation, advisory_revision=due.revision
        )
        async with self._database.transaction() as connection:
            if await connection.fetchval(*statement):
                await save_checks(connection, due.claim, records, checks)
                await notify_watchers(connection)
