"""Stores the result of a check: its records, the decision, the history and the event, in one transaction."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.database import Connection, Database
from chassis.events import Outbox
from chassis.telemetry import get_logger
from services.verifier.events import state_changed
from services.verifier.metrics import READY_SECONDS, RECORD_STATUSES, STATE_CHANGES
from services.verifier.model.decisions import (
    Case,
    Claim,
    Decision,
    Record,
    Transition,
    after_dns_check,
    after_ses_check,
)
from services.verifier.model.evidence import SesIdentity
from services.verifier.model.ownership import count_missing
from services.verifier.model.records import Check, Purpose, RecordStatus
from services.verifier.store.ses import SesLease
from services.verifier.store.verifications import (
    ClaimChanged,
    Lease,
    VerificationStore,
    notify_watchers,
    save_checks,
)

log = get_logger(__name__)
_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class DnsCheck:
    """The result of one DNS check: a claim's records and, if one was checked, its ownership token."""

    records: Sequence[Record]
    checks: Sequence[Check]
    token: str = ""
    proof: Check | None = None

    @property
    def dkim_found(self) -> bool:
        """Return whether any of the DKIM records was found."""
        return any(
            record.expected.purpose is Purpose.DKIM and check.status is RecordStatus.FOUND
            for record, check in zip(self.records, self.checks, strict=True)
        )


class ResultWriter:
    """Stores all changes of a verification after its insertion."""

    def __init__(self, database: Database, store: VerificationStore, outbox: Outbox) -> None:
        self._database = database
        self._store = store
        self._outbox = outbox

    async def save_dns_check(self, lease: Lease, result: DnsCheck) -> Decision | None:
        """Store a DNS check and return the decision; None when it was outdated and not stored."""
        try:
            decision = await self._save_dns_check(lease, result)
        except ClaimChanged:
            await self._store.check_again(lease.claim_id, lease.generation)
            return None
        for record, check in zip(result.records, result.checks, strict=True):
            RECORD_STATUSES.labels(record.expected.purpose.value, check.status.value).inc()
        return decision

    async def _save_dns_check(self, lease: Lease, result: DnsCheck) -> Decision | None:
        records, checks = result.records, result.checks
        async with self._database.transaction() as connection:
            case = await self._store.lock_case(
                connection, lease.claim_id, lease.generation, lease.lease_token
            )
            if case is None:
                return None
            decision = after_dns_check(case, records, checks, _jitter.random())
            await save_checks(connection, case.claim, records, checks)
            await self._store.end_check(
                connection, case, decision.next_check_at, dkim_found=result.dkim_found
            )
            if result.proof is not None and result.token == case.token:
                missing = count_missing(case.missing, result.proof.status, case.now)
                await self._store.save_ownership_check(connection, case, result.proof, missing)
            seen = tuple((each.position, check) for each, check in zip(records, checks, strict=True))
            changed = seen != case.shown or result.proof is not None
            await self._save_decision(connection, case, decision, changed=changed)
        return decision

    async def save_ses_check(self, lease: SesLease, identity: SesIdentity) -> Decision | None:
        """Store a response from SES and return the decision; None when it was outdated and not stored."""
        try:
            return await self._save_ses_check(lease, identity)
        except ClaimChanged:
            await self._store.check_again(lease.claim_id, lease.generation)
            return None

    async def _save_ses_check(self, lease: SesLease, identity: SesIdentity) -> Decision | None:
        async with self._database.transaction() as connection:
            case = await self._store.lock_case(connection, lease.claim_id, lease.generation)
            if case is None or (case.ses_checked_at is not None and case.ses_checked_at >= lease.queried_at):
                return None
            decision = after_ses_check(case, identity, _jitter.random())
            next_check_by = decision.next_check_at if decision.transition else None
            await self._store.save_ses_check(connection, case.claim, identity, next_check_by)
            await self._save_decision(connection, case, decision, changed=identity != case.identity)
        return decision

    async def save_transition(self, connection: Connection, claim: Claim, transition: Transition) -> None:
        """Add a change of state to the history and publish its event."""
        await self._store.add_transition(connection, claim, transition)
        await self._outbox.write(connection, state_changed(claim, transition))
        STATE_CHANGES.labels(transition.before.value, transition.after.value).inc()
        log.info(
            "domain state changed",
            action="domain_state_changed",
            claim_id=str(claim.claim_id),
            domain=claim.name,
            before=transition.before.value,
            after=transition.after.value,
        )

    async def _save_decision(
        self, connection: Connection, case: Case, decision: Decision, *, changed: bool
    ) -> None:
        """Store a decision and notify watchers; `changed` is true when the check results changed."""
        if decision.changes(case):
            await self._store.save_decision(connection, case, decision)
        if decision.transition is not None:
            await self.save_transition(connection, case.claim, decision.transition)
        if (took := decision.time_to_ready(case)) is not None:
            READY_SECONDS.observe(took.total_seconds())
        if changed or decision.why != case.why:
            await notify_watchers(connection)
