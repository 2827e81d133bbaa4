"""Verifications, the checks of their records and their history, in Postgres. Decides nothing."""

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
from services.verifier.model.ownership import ConsecutiveMisses, Ownership, Precheck
from services.verifier.model.records import Check, Expected
from services.verifier.model.states import FINISHED, GRACE, VerificationStatus
from services.verifier.store import rows

QUERIES = Queries.load(Path(__file__).with_name("verifications.sql"))
CHANGES = "verifier_changes"  # NOTIFY channel for WatchDomain streams and for identity's ownership decisions
CLAIM_CHANGES = "identity_work"  # NOTIFY channel on which identity announces changed claims


@dataclass(frozen=True, slots=True)
class Lease:
    """A leased DNS check; its result counts only with the current lease token and generation."""

    claim_id: UUID
    generation: int
    lease_token: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A claim in a new generation, with its verification status from the previous one."""

    claim: Claim
    verification: VerificationStatus
    same_tokens: bool
    ownership: Ownership
    now: datetime


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim's ownership token, and the TXT record that must contain it."""

    token: str
    expected: Expected


@dataclass(frozen=True, slots=True)
class DuePrecheck:
    """A new claim, and the DKIM tokens to check for before its records are shown."""

    claim_id: UUID
    name: str
    tokens: tuple[str, ...]


class ClaimChanged(Exception):
    """identity changed the claim since it was read, so the decision is discarded."""


class VerificationStore:
    """The verifications of one account and region."""

    def __init__(self, database: Database, aws: config.Aws) -> None:
        self._database = database
        self._region = (aws.aws_account, aws.aws_region)

    async def unseen(self, limit: int) -> tuple[list[UUID], list[UUID]]:
        """Return the active claims without a verification, and those whose verification is outdated."""
        found = await self._database.fetch(QUERIES.unseen_claims, *self._region, limit)
        known = {row["claim_id"]: row["known"] for row in found}
        return [each for each in known if not known[each]], [each for each in known if known[each]]

    async def begin(self, claim_ids: Sequence[UUID], note: str) -> None:
        """Insert verifications; skip those that another replica has inserted."""
        ids = [uuid7() for _ in claim_ids]
        await self._database.execute(QUERIES.begin_verifications, list(claim_ids), ids, note, GRACE)

    async def end(self) -> None:
        """Delete the verifications of deleted claims, and prechecks that are no longer needed."""
        await self._database.execute(QUERIES.end_verifications)
        await self._database.execute(QUERIES.delete_old_prechecks)

    async def lease_checks(self, limit: int, lease: timedelta, *, watched: bool) -> list[Lease]:
        """Lease DNS checks that are due."""
        found = await self._database.fetch(QUERIES.lease_checks, *self._region, limit, lease, watched)
        return [Lease(row["claim_id"], row["generation"], row["lease_token"]) for row in found]

    async def records(self, claim_id: UUID, generation: int) -> list[Record]:
        """Return the records of a claim's generation, in the order they are shown."""
        found = await self._database.fetch(QUERIES.records_of, claim_id, generation)
        return [rows.record(row) for row in found]

    async def proof(self, claim_id: UUID, generation: int) -> Proof | None:
        """Return the claim's ownership token to check in DNS, or None when nothing depends on it."""
        row = await self._database.fetchrow(QUERIES.token_due, claim_id, generation)
        return Proof(row["token"], rows.proof(row)) if row else None

    async def check_owners_soon(self) -> None:
        """Make the DNS check due for claims whose ownership or token has changed."""
        await self._database.execute(QUERIES.check_owners_soon, *self._region)

    async def due_prechecks(self, limit: int) -> list[DuePrecheck]:
        """Return new claims whose DKIM records must be checked before they are shown."""
        found = await self._database.fetch(QUERIES.due_prechecks, *self._region, limit)
        return [DuePrecheck(row["claim_id"], row["name"], tuple(row["tokens"])) for row in found]

    async def save_precheck(self, due: DuePrecheck, outcome: Precheck) -> None:
        """Store the precheck of a claim's DKIM records, and notify identity, which decides by it."""
        async with self._database.transaction() as connection:
            await connection.execute(QUERIES.save_precheck, due.claim_id, list(due.tokens), outcome.value)
            await self.notify_watchers(connection)

    async def lock_renewal(self, connection: Connection, claim_id: UUID) -> Renewal | None:
        """Lock a verification whose claim is in a newer generation; return None when it is not."""
        row = await connection.fetchrow(QUERIES.lock_renewal, claim_id)
        if row is None:
            return None
        same = row["ses_tokens"] is not None and set(row["ses_tokens"]) == set(row["tokens"])
        ownership = Ownership(row["ownership"])
        return Renewal(rows.claim(row), rows.verification(row), same, ownership, row["now"])

    async def renew(
        self, connection: Connection, claim: Claim, verification: VerificationStatus, note: str
    ) -> None:
        """Start a claim's new generation, holding the claim lock so that no sender uses the old state."""
        await connection.execute(QUERIES.lock_claim, claim.claim_id)
        status = (verification.state.value, note, verification.deadline_at, verification.dkim_valid)
        check_now = (
            verification.state not in FINISHED
        )  # in a finished state only VerifyDomain schedules a check
        await connection.execute(QUERIES.renew, claim.claim_id, claim.generation, *status, check_now)
        await connection.execute(QUERIES.delete_old_checks, claim.claim_id, claim.generation)

    async def lock_case(
        self, connection: Connection, claim_id: UUID, generation: int, lease_token: int | None = None
    ) -> Case | None:
        """Lock a verification; return None when its generation or the lease token is outdated."""
        row = await connection.fetchrow(QUERIES.lock_case, claim_id, generation, lease_token)
        if row is None:
            return None
        return rows.case(row, await connection.fetch(QUERIES.checks_of, claim_id, generation))

    async def save_checks(
        self, connection: Connection, claim: Claim, records: Sequence[Record], checks: Sequence[Check]
    ) -> None:
        """Store the check of each record."""
        await connection.execute(
            QUERIES.save_checks,
            claim.claim_id,
            claim.generation,
            [record.position for record in records],
            [check.status.value for check in checks],
            [check.message for check in checks],
            [json.dumps(check.seen) for check in checks],  # an array of arrays needs equal lengths
            [check.servers_agreeing for check in checks],
            [check.servers_asked for check in checks],
            [check.zone for check in checks],
            [json.dumps(check.servers) for check in checks],
        )

    async def save_ownership_check(
        self, connection: Connection, case: Case, check: Check, missing: ConsecutiveMisses
    ) -> None:
        """Store the check of a claim's ownership token."""
        await connection.execute(
            QUERIES.save_ownership_check,
            case.claim.claim_id,
            case.token,
            check.status.value,
            check.message,
            list(check.seen),
            check.servers_agreeing,
            check.servers_asked,
            check.zone,
            list(check.servers),
            missing.checks,
            missing.since,
        )

    async def end_check(
        self, connection: Connection, case: Case, next_check_at: datetime | None, *, dkim_found: bool
    ) -> None:
        """Release the lease of a DNS check and schedule the next one."""
        values = (case.claim.claim_id, next_check_at, dkim_found, case.ownership.value)
        await connection.execute(QUERIES.end_check, *values)

    async def check_again(self, claim_id: UUID, generation: int) -> None:
        """Make the DNS check due again for a domain whose claim changed during the check.

        The renewal of a new generation schedules its own check, or none in a finished state, and it may
        already have done so. So this only affects the generation that was checked.
        """
        await self._database.execute(QUERIES.check_again, claim_id, generation)

    async def save_ses_check(
        self, connection: Connection, claim: Claim, identity: SesIdentity, look_by: datetime | None
    ) -> None:
        """Store a response from SES; the next DNS check is due at `look_by` at the latest."""
        await connection.execute(
            QUERIES.save_ses_check,
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
        """Store a decision; take the claim lock first when it changes whether the domain may send.

        Raise ClaimChanged when identity has changed the claim since it was read.
        """
        if decision.fenced:
            await connection.execute(QUERIES.lock_claim, case.claim.claim_id)
        after = decision.verification
        saved = await connection.fetchval(
            QUERIES.save_decision,
            case.claim.claim_id,
            case.claim.generation,
            case.verification.state.value,
            after.state.value,
            decision.note,
            after.deadline_at,
            after.dkim_valid,
            after.mail_from_valid,
            after.failed_checks,
            after.first_failed_at,
            decision.ses_due_at,
            decision.repairs,
            decision.repair_due_at,
            case.ownership.value,
        )
        if saved is None:
            raise ClaimChanged

    async def add_transition(self, connection: Connection, claim: Claim, change: Transition) -> None:
        """Add a change of state to a claim's history."""
        values = (change.before.value, change.after.value, change.cause)
        await connection.execute(QUERIES.add_transition, uuid7(), claim.claim_id, claim.generation, *values)

    async def notify_watchers(self, connection: Connection) -> None:
        """Notify the WatchDomain streams when the transaction commits."""
        await connection.execute(QUERIES.notify_watchers)
