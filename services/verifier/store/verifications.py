"""Verifications, the checks of their records and their history, in Postgres. Decides nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7
from services.verifier.model.decisions import Case, Claim, Decision, Record, Transition
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.ownership import ConsecutiveMisses
from services.verifier.model.records import Check, Expected
from services.verifier.store import rows

QUERIES = Queries.load(Path(__file__).with_name("verifications.sql"))
CHANGES = "verifier_changes"  # NOTIFY channel for WatchDomain streams and for identity's ownership decisions


@dataclass(frozen=True, slots=True)
class Lease:
    """A leased DNS check; its result counts only with the current lease token and generation."""

    claim_id: UUID
    generation: int
    lease_token: int


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim's ownership token, and the TXT record that must contain it."""

    token: str
    expected: Expected


class ClaimChanged(Exception):
    """identity changed the claim since it was read, so the decision is discarded."""


async def lock_claim(connection: Connection, claim_id: UUID) -> None:
    """Take the claim lock: wait for senders that have read the claim's state and will start an attempt."""
    await connection.execute(*QUERIES.lock_claim(claim_id=claim_id))


async def notify_watchers(connection: Connection) -> None:
    """Notify the WatchDomain streams, and identity, when the transaction commits."""
    await connection.execute(*QUERIES.notify_watchers())


async def save_checks(
    connection: Connection, claim: Claim, records: Sequence[Record], checks: Sequence[Check]
) -> None:
    """Store the check of each record."""
    statement = QUERIES.save_checks(
        claim_id=claim.claim_id,
        generation=claim.generation,
        positions=[record.position for record in records],
        advisory_revisions=[record.advisory_revision for record in records],
        statuses=[check.status.value for check in checks],
        messages=[check.why.message for check in checks],
        reasons=[check.why.reason for check in checks],
        parameters=[check.why.parameters for check in checks],
        seen=[json.dumps(check.seen) for check in checks],  # an array of arrays needs equal lengths
        servers_agreeing=[check.servers_agreeing for check in checks],
        servers_asked=[check.servers_asked for check in checks],
        zones=[check.zone for check in checks],
        servers=[json.dumps(check.servers) for check in checks],
    )
    await connection.execute(*statement)


class VerificationStore:
    """The verifications of all regions: DNS checks are the same in each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease_checks(self, limit: int, lease: timedelta, *, watched: bool) -> list[Lease]:
        """Lease DNS checks that are due."""
        due = QUERIES.lease_checks(limit=limit, lease=lease, watched=watched)
        return [Lease(**row) for row in await self._database.fetch(*due)]

    async def records(self, claim_id: UUID, generation: int) -> list[Record]:
        """Return the records of a claim's generation, in the order they are shown."""
        found = await self._database.fetch(*QUERIES.records_of(claim_id=claim_id, generation=generation))
        return [rows.record(row) for row in found]

    async def proof(self, claim_id: UUID, generation: int) -> Proof | None:
        """Return the claim's ownership token to check in DNS, or None when nothing depends on it."""
        row = await self._database.fetchrow(*QUERIES.token_due(claim_id=claim_id, generation=generation))
        return Proof(row["token"], rows.proof(row)) if row else None

    async def lock_case(
        self, connection: Connection, claim_id: UUID, generation: int, lease_token: int | None = None
    ) -> Case | None:
        """Lock a verification; return None when its generation or the lease token is outdated."""
        row = await connection.fetchrow(
            *QUERIES.lock_case(claim_id=claim_id, generation=generation, lease_token=lease_token)
        )
        if row is None:
            return None
        checks = QUERIES.checks_of(claim_id=claim_id, generation=generation)
        return rows.case(row, await connection.fetch(*checks))

    async def save_ownership_check(
        self, connection: Connection, case: Case, check: Check, missing: ConsecutiveMisses
    ) -> None:
        """Store the check of a claim's ownership token."""
        statement = QUERIES.save_ownership_check(
            claim_id=case.claim.claim_id,
            token=case.token,
            status=check.status.value,
            message=check.why.message,
            reason=check.why.reason,
            parameters=check.why.parameters,
            seen=list(check.seen),
            servers_agreeing=check.servers_agreeing,
            servers_asked=check.servers_asked,
            zone=check.zone,
            servers=list(check.servers),
            missing_checks=missing.checks,
            missing_at=missing.since,
        )
        await connection.execute(*statement)

    async def end_check(
        self, connection: Connection, case: Case, next_check_at: datetime | None, *, dkim_found: bool
    ) -> None:
        """Release the lease of a DNS check and schedule the next one."""
        statement = QUERIES.end_check(
            claim_id=case.claim.claim_id,
            next_check_at=next_check_at,
            dkim_found=dkim_found,
            ownership=case.ownership.value,
        )
        await connection.execute(*statement)

    async def check_again(self, claim_id: UUID, generation: int) -> None:
        """Make the DNS check due again for a domain whose claim changed during the check.

        The renewal of a new generation schedules its own check, or none in a finished state, and it may
        already have done so. So this only affects the generation that was checked.
        """
        await self._database.execute(*QUERIES.check_again(claim_id=claim_id, generation=generation))

    async def save_ses_check(
        self, connection: Connection, claim: Claim, identity: SesIdentity, next_check_by: datetime | None
    ) -> None:
        """Store a response from SES; the next DNS check is due at `next_check_by` at the latest."""
        statement = QUERIES.save_ses_check(
            claim_id=claim.claim_id,
            verification_status=identity.verification_status,
            dkim_status=identity.dkim_status,
            mail_from_status=identity.mail_from_status,
            mail_from_domain=identity.mail_from_domain,
            verified_for_sending=identity.verified_for_sending,
            error_type=identity.error_type,
            tokens=list(identity.tokens),
            next_check_by=next_check_by,
        )
        await connection.execute(*statement)

    async def save_decision(self, connection: Connection, case: Case, decision: Decision) -> None:
        """Store a decision; take the claim lock first when it changes whether the domain may send.

        Raise ClaimChanged when identity has changed the claim since it was read.
        """
        if decision.takes_claim_lock:
            await lock_claim(connection, case.claim.claim_id)
        after = decision.verification
        statement = QUERIES.save_decision(
            claim_id=case.claim.claim_id,
            generation=case.claim.generation,
            ownership=case.ownership.value,
            state_before=case.verification.state.value,
            state=after.state.value,
            message=decision.why.message,
            reason=decision.why.reason,
            parameters=decision.why.parameters,
            deadline_at=after.deadline_at,
            dkim_valid=after.dkim_valid,
            mail_from_valid=after.mail_from_valid,
            failed_checks=after.failed_checks,
            first_failed_at=after.first_failed_at,
            ses_due_at=decision.ses_due_at,
            repairs=decision.repairs,
            repair_due_at=decision.repair_due_at,
        )
        if await connection.fetchval(*statement) is None:
            raise ClaimChanged

    async def add_transition(self, connection: Connection, claim: Claim, change: Transition) -> None:
        """Add a change of state to a claim's history."""
        statement = QUERIES.add_transition(
            transition_id=uuid7(),
            claim_id=claim.claim_id,
            generation=claim.generation,
            from_state=change.before.value,
            to_state=change.after.value,
            message=change.why.message,
            reason=change.why.reason,
            parameters=change.why.parameters,
        )
        await connection.execute(*statement)
