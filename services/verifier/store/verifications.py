"""Verifications, what was seen of their records, and their history in Postgres. Decides nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis import config
from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7
from services.verifier.model.decisions import Case, Claim, Decision, Record, Transition
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.ownership import MissingRun, Ownership, Precheck
from services.verifier.model.records import Check, Expected
from services.verifier.model.states import FINISHED, GRACE, Standing
from services.verifier.store import rows

QUERIES = Queries.load(Path(__file__).with_name("verifications.sql"))
CHANGES = "verifier_changes"  # the NOTIFY channel of those who watch, and of who decides ownership
CLAIM_CHANGES = "identity_work"  # that of claims: identity changed one


@dataclass(frozen=True, slots=True)
class Lease:
    """A look that one worker alone may write, while the claim stays in its generation."""

    claim_id: UUID
    generation: int
    fence: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A claim in a new generation, and what was held of it in the one before."""

    claim: Claim
    standing: Standing
    same_tokens: bool
    ownership: Ownership
    now: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim's ownership token, and the record in which it is to be found."""

    token: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class DuePrecheck:
    """A new claim, and the DKIM tokens to look for before its records are shown."""

    claim_id: UUID
    name: str
    tokens: tuple[str, ...]


class Overtaken(Exception):
    """identity changed the claim since it was read; what was decided counts for nothing."""


class VerificationStore:
    """The verifications of one account and region."""

    def __init__(self, database: Database, aws: config.Aws) -> None:
        self._database = database
        self._place = (aws.aws_account, aws.aws_region)

    async def unseen(self, limit: int) -> tuple[list[UUID], list[UUID]]:
        """Returns active claims that have no verification, and those that have one of an older generation."""
        found = await self._database.fetch(QUERIES.unseen_claims, *self._place, limit)
        known = {row["claim_id"]: row["known"] for row in found}
        return [each for each in known if not known[each]], [each for each in known if known[each]]

    async def begin(self, claim_ids: Sequence[UUID], note: str) -> None:
        """Begins verifications; one that another replica has begun is left alone."""
        ids = [uuid7() for _ in claim_ids]
        await self._database.execute(QUERIES.begin_verifications, list(claim_ids), ids, note, GRACE)

    async def end(self) -> None:
        """Forgets claims that are going or gone."""
        await self._database.execute(QUERIES.end_verifications)
        await self._database.execute(QUERIES.forget_prechecks)

    async def claim_looks(self, limit: int, lease: timedelta, *, watched: bool) -> list[Lease]:
        """Leases looks at DNS that are due."""
        found = await self._database.fetch(QUERIES.claim_looks, *self._place, limit, lease, watched)
        return [Lease(row["claim_id"], row["generation"], row["fence"]) for row in found]

    async def records(self, claim_id: UUID, generation: int) -> list[Record]:
        """Returns the records of a claim's generation, in the order they are shown."""
        found = await self._database.fetch(QUERIES.records_of, claim_id, generation)
        return [rows.record(row) for row in found]

    async def proof(self, claim_id: UUID, generation: int) -> Proof | None:
        """Returns the token of a claim that is to be looked for; None when nothing depends on one."""
        row = await self._database.fetchrow(QUERIES.token_due, claim_id, generation)
        return Proof(row["token"], rows.proof(row)) if row else None

    async def hurry_owners(self) -> None:
        """Has claims looked at now whose ownership or token is new."""
        await self._database.execute(QUERIES.hurry_owners, *self._place)

    async def due_prechecks(self, limit: int) -> list[DuePrecheck]:
        """Returns new claims whose DKIM records are to be looked for before they are shown."""
        found = await self._database.fetch(QUERIES.due_prechecks, *self._place, limit)
        return [DuePrecheck(row["claim_id"], row["name"], tuple(row["tokens"])) for row in found]

    async def save_precheck(self, due: DuePrecheck, outcome: Precheck) -> None:
        """Stores what DNS said of a claim's DKIM records, and wakes who decides by it."""
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.save_precheck, due.claim_id, list(due.tokens), outcome.value)
            await self.tell_watchers(connection)

    async def lock_renewal(self, connection: Connection, claim_id: UUID) -> Renewal | None:
        """Locks a verification whose claim has gone on to a new generation; None when it has not."""
        row = await connection.fetchrow(QUERIES.lock_renewal, claim_id)
        if row is None:
            return None
        same = row["ses_tokens"] is not None and set(row["ses_tokens"]) == set(row["tokens"])
        ownership = Ownership(row["ownership"])
        return Renewal(rows.claim(row), rows.standing(row), same, ownership, row["now"])

    async def renew(self, connection: Connection, claim: Claim, standing: Standing, note: str) -> None:
        """Begins a claim's new generation; senders are not in the middle of using what it had."""
        await connection.execute(QUERIES.fence_claim, claim.claim_id)
        held = (standing.state.value, note, standing.deadline_at, standing.dkim_good)
        open_ended = standing.state not in FINISHED  # else only VerifyDomain brings another look
        await connection.execute(QUERIES.renew, claim.claim_id, claim.generation, *held, open_ended)
        await connection.execute(QUERIES.forget_looks, claim.claim_id, claim.generation)

    async def lock_case(
        self, connection: Connection, claim_id: UUID, generation: int, fence: int | None = None
    ) -> Case | None:
        """Locks a verification; None when its generation has passed, or another worker has the lease."""
        row = await connection.fetchrow(QUERIES.lock_case, claim_id, generation, fence)
        if row is None:
            return None
        return rows.case(row, await connection.fetch(QUERIES.looks_of, claim_id, generation))

    async def save_looks(
        self, connection: Connection, claim: Claim, records: Sequence[Record], checks: Sequence[Check]
    ) -> None:
        """Stores what was seen of each record."""
        await connection.execute(
            QUERIES.save_looks,
            claim.claim_id,
            claim.generation,
            [record.position for record in records],
            [check.verdict.value for check in checks],
            [check.hint for check in checks],
            [json.dumps(check.seen) for check in checks],  # arrays of unlike lengths make no array
            [check.servers_agreeing for check in checks],
            [check.servers_asked for check in checks],
            [check.zone for check in checks],
            [json.dumps(check.servers) for check in checks],
        )

    async def save_ownership_check(
        self, connection: Connection, case: Case, check: Check, missing: MissingRun
    ) -> None:
        """Stores what was seen of a claim's ownership token."""
        await connection.execute(
            QUERIES.save_ownership_check,
            case.claim.claim_id,
            case.token,
            check.verdict.value,
            check.hint,
            list(check.seen),
            check.servers_agreeing,
            check.servers_asked,
            check.zone,
            list(check.servers),
            missing.checks,
            missing.since,
        )

    async def end_look(
        self, connection: Connection, case: Case, next_look_at: datetime | None, *, dkim_found: bool
    ) -> None:
        """Gives back the lease of a look."""
        held = (case.claim.claim_id, next_look_at, dkim_found, case.ownership.value)
        await connection.execute(QUERIES.end_look, *held)

    async def look_again(self, claim_id: UUID) -> None:
        """Has a domain looked at again at once, whose claim changed during the look."""
        await self._database.execute(QUERIES.look_again, claim_id)

    async def save_ses_look(
        self, connection: Connection, claim: Claim, identity: SesIdentity, look_by: datetime | None
    ) -> None:
        """Stores what SES said; DNS is asked again at `look_by` at the latest."""
        await connection.execute(
            QUERIES.save_ses_look,
            claim.claim_id,
            identity.verification_status,
            identity.dkim_status,
            identity.mail_from_status,
            identity.mail_from_domain,
            identity.verified_for_sending,
            identity.error_type,
            list(identity.tokens),
            look_by,
        )

    async def save_decision(self, connection: Connection, case: Case, decision: Decision) -> None:
        """Stores a decision; the right to send as itself changes only when nobody is just using or taking it.

        Raises Overtaken when identity changed the claim meanwhile.
        """
        if decision.fenced:
            await connection.execute(QUERIES.fence_claim, case.claim.claim_id)
        after = decision.standing
        saved = await connection.fetchval(
            QUERIES.save_decision,
            case.claim.claim_id,
            case.claim.generation,
            case.standing.state.value,
            after.state.value,
            decision.note,
            after.deadline_at,
            after.dkim_good,
            after.mail_from_good,
            after.negative_looks,
            after.first_negative_at,
            decision.ses_due_at,
            decision.repairs,
            decision.repair_due_at,
            case.ownership.value,
        )
        if saved is None:
            raise Overtaken

    async def add_transition(self, connection: Connection, claim: Claim, change: Transition) -> None:
        """Adds to a claim's history."""
        words = (change.before.value, change.after.value, change.cause)
        await connection.execute(QUERIES.add_transition, uuid7(), claim.claim_id, claim.generation, *words)

    async def tell_watchers(self, connection: Connection) -> None:
        """Wakes those who watch domains, when the transaction commits."""
        await connection.execute(QUERIES.tell_watchers)
