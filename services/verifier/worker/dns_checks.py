"""Runs due DNS checks, and keeps verifications in sync with identity's claims."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from chassis.database import Connection, Database
from chassis.events import ReceivedEvent
from chassis.periodic import PeriodicTask
from chassis.worker import LeaseLoop
from services.verifier.model.decisions import Transition
from services.verifier.model.notes import NEW, NEW_GENERATION, SUPERSEDED, UNPROVEN
from services.verifier.model.ownership import Ownership, precheck
from services.verifier.model.records import RecordType
from services.verifier.model.states import renewed
from services.verifier.resolver.resolver import CHECK_SECONDS, Resolver
from services.verifier.store.verifications import DuePrecheck, Lease, VerificationStore
from services.verifier.worker.dns_check import inspect
from services.verifier.worker.results import DnsCheck, ResultWriter

LEASE = timedelta(seconds=2 * CHECK_SECONDS + 10)
SCAN = timedelta(seconds=1)
SCAN_BATCH = 500
PRECHECK_BATCH = 20


class DnsChecks:
    """Runs due DNS checks. Watched domains have their own workers, so that other domains never delay them."""

    def __init__(
        self, store: VerificationStore, resolver: Resolver, results: ResultWriter, *, concurrency: int
    ) -> None:
        self._store = store
        self._resolver = resolver
        self._results = results
        self._watched = self._loop("watched looks", concurrency, timedelta(seconds=0.2), watched=True)
        self._others = self._loop("looks", concurrency, timedelta(seconds=1), watched=False)
        self.ses_is_due = asyncio.Event()

    def wake(self) -> None:
        """Lease due checks at once instead of at the next poll."""
        self._watched.wake()
        self._others.wake()

    async def run(self, stop: asyncio.Event) -> None:
        """Run due checks until `stop` is set."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watched.run(stop))
            group.create_task(self._others.run(stop))

    def _loop(self, name: str, concurrency: int, idle: timedelta, *, watched: bool) -> LeaseLoop[Lease]:
        async def claim(limit: int) -> list[Lease]:
            return await self._store.lease_checks(limit, LEASE, watched=watched)

        return LeaseLoop(name, claim, self._check_records, concurrency=concurrency, idle=idle)

    async def _check_records(self, lease: Lease) -> None:
        records = await self._store.records(lease.claim_id, lease.generation)
        proof = await self._store.proof(lease.claim_id, lease.generation)
        expected = [*([proof.expected] if proof else []), *(each.expected for each in records)]
        if not expected:  # the claim has a new generation, whose renewal schedules the next check
            return
        checks = await inspect(self._resolver, expected)
        result = DnsCheck(records, checks[1:], proof.token, checks[0]) if proof else DnsCheck(records, checks)
        decision = await self._results.check(lease, result)
        if decision is not None and decision.ses_due_at is not None:
            self.ses_is_due.set()


class Prechecks:
    """Checks whether a new claim's DKIM records exist before they are shown; if so, it needs a proof."""

    def __init__(self, store: VerificationStore, resolver: Resolver) -> None:
        self._store = store
        self._resolver = resolver
        self.task = PeriodicTask("dkim prechecks", self.check, interval=SCAN)

    async def check(self) -> bool:
        """Run due prechecks; return whether there may be more."""
        due = await self._store.due_prechecks(PRECHECK_BATCH)
        await asyncio.gather(*(self._check(each) for each in due))
        return bool(due)

    async def _check(self, due: DuePrecheck) -> None:
        lookup = self._resolver.lookup()
        names = [f"{token}._domainkey.{due.name}" for token in due.tokens]
        answers = [await lookup.ask(name, RecordType.CNAME) for name in names]
        await self._store.save_precheck(due, precheck(due.tokens, answers))


class ClaimSync:
    """Keeps verifications in sync with claims. Level-triggered: the next scan makes up for a lost event."""

    def __init__(
        self, database: Database, store: VerificationStore, results: ResultWriter, checks: DnsChecks
    ) -> None:
        self._database = database
        self._store = store
        self._results = results
        self._looking = checks
        self.task = PeriodicTask("following claims", self.follow, interval=SCAN)

    async def receive(self, connection: Connection, events: Sequence[ReceivedEvent]) -> None:  # noqa: ARG002
        """Start a scan at once because claims have changed."""
        self.task.wake()

    async def follow(self) -> bool:
        """Insert, renew and delete verifications as claims require; return whether there may be more."""
        new, changed = await self._store.unseen(SCAN_BATCH)
        if new:
            await self._store.begin(new, NEW)
        for claim_id in changed:
            await self._renew(claim_id)
        await self._store.end()
        await self._store.check_owners_soon()
        if new or changed:
            self._looking.wake()
        return len(new) + len(changed) == SCAN_BATCH

    async def _renew(self, claim_id: UUID) -> None:
        async with self._database.transaction() as connection:
            renewal = await self._store.lock_renewal(connection, claim_id)
            if renewal is None:
                return
            verification = renewed(
                renewal.verification,
                renewal.now,
                same_tokens=renewal.same_tokens,
                ownership=renewal.ownership,
            )
            note = UNPROVEN.get(renewal.ownership, NEW_GENERATION)
            await self._store.renew(connection, renewal.claim, verification, note)
            if verification.state is not renewal.verification.state:
                cause = SUPERSEDED if renewal.ownership is Ownership.SUPERSEDED else NEW_GENERATION
                change = Transition(renewal.verification.state, verification.state, cause)
                await self._results.change(connection, renewal.claim, change)
            await self._store.notify_watchers(connection)
