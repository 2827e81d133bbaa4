"""identity's claims and the verifications that follow from them, and prechecks of new claims, in Postgres."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7
from services.verifier.model.decisions import Claim
from services.verifier.model.ownership import Ownership, Precheck
from services.verifier.model.reasons import DomainReason, Explanation
from services.verifier.model.states import FINISHED, GRACE, VerificationStatus
from services.verifier.store import rows
from services.verifier.store.verifications import lock_claim, notify_watchers

QUERIES = Queries.load(Path(__file__).with_name("claims.sql"))
CLAIM_CHANGES = "identity_work"  # NOTIFY channel on which identity announces changed claims


@dataclass(frozen=True, slots=True)
class Renewal:
    """A claim in a new generation, with its verification status from the previous one."""

    claim: Claim
    verification: VerificationStatus
    same_tokens: bool
    ownership: Ownership
    now: datetime


@dataclass(frozen=True, slots=True)
class DuePrecheck:
    """A new claim, and the DKIM tokens to check for before its records are shown."""

    claim_id: UUID
    name: str
    tokens: tuple[str, ...]


class ClaimStore:
    """The claims of all regions: DNS checks are the same in each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unseen(self, limit: int) -> tuple[list[UUID], list[UUID]]:
        """Return the active claims without a verification, and those whose verification is outdated."""
        found = await self._database.fetch(*QUERIES.unseen_claims(limit=limit))
        known = {row["claim_id"]: row["known"] for row in found}
        return [each for each in known if not known[each]], [each for each in known if known[each]]

    async def begin(self, claim_ids: Sequence[UUID], why: Explanation[DomainReason]) -> None:
        """Insert verifications; skip those that another replica has inserted."""
        statement = QUERIES.begin_verifications(
            claim_ids=list(claim_ids),
            transition_ids=[uuid7() for _ in claim_ids],
            message=why.message,
            reason=why.reason,
            grace=GRACE,
        )
        await self._database.execute(*statement)

    async def end(self) -> None:
        """Delete the verifications of deleted claims, and prechecks that are no longer needed."""
        await self._database.execute(*QUERIES.end_verifications())
        await self._database.execute(*QUERIES.delete_old_prechecks())

    async def lock_renewal(self, connection: Connection, claim_id: UUID) -> Renewal | None:
        """Lock a verification whose claim is in a newer generation; return None when it is not."""
        row = await connection.fetchrow(*QUERIES.lock_renewal(claim_id=claim_id))
        if row is None:
            return None
        same = row["ses_tokens"] is not None and set(row["ses_tokens"]) == set(row["tokens"])
        ownership = Ownership(row["ownership"])
        return Renewal(rows.claim(row), rows.verification(row), same, ownership, row["now"])

    async def renew(
        self,
        connection: Connection,
        claim: Claim,
        verification: VerificationStatus,
        why: Explanation[DomainReason],
    ) -> None:
        """Start a claim's new generation, holding the claim lock so that no sender uses the old state."""
        await lock_claim(connection, claim.claim_id)
        statement = QUERIES.renew(
            claim_id=claim.claim_id,
            generation=claim.generation,
            state=verification.state.value,
            message=why.message,
            reason=why.reason,
            deadline_at=verification.deadline_at,
            dkim_valid=verification.dkim_valid,
            # In a finished state only VerifyDomain schedules a check.
            check_now=verification.state not in FINISHED,
        )
        await connection.execute(*statement)
        old = QUERIES.delete_old_checks(claim_id=claim.claim_id, generation=claim.generation)
        await connection.execute(*old)

    async def check_owners_soon(self) -> None:
        """Make the DNS check due for claims whose ownership or token has changed."""
        await self._database.execute(*QUERIES.check_owners_soon())

    async def due_prechecks(self, limit: int, *, besides: Iterable[UUID]) -> list[DuePrecheck]:
        """Return new claims, `besides` these, whose DKIM records must be checked before they are shown."""
        due = QUERIES.due_prechecks(besides=list(besides), limit=limit)
        found = await self._database.fetch(*due)
        return [DuePrecheck(row["claim_id"], row["name"], tuple(row["tokens"])) for row in found]

    async def save_precheck(self, due: DuePrecheck, outcome: Precheck) -> None:
        """Store the precheck of a claim's DKIM records, and notify identity, which decides by it."""
        statement = QUERIES.save_precheck(
            claim_id=due.claim_id, tokens=list(due.tokens), outcome=outcome.value
        )
        async with self._database.transaction() as connection:
            await connection.execute(*statement)
            await notify_watchers(connection)
