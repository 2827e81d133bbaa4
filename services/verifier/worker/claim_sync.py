"""Keeps verifications in sync with identity's claims."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from chassis.database import Connection, Database
from chassis.events import ReceivedEvent
from chassis.periodic import PeriodicTask
from services.verifier.model.decisions import Transition
from services.verifier.model.messages.domains import explain
from services.verifier.model.reasons import DomainReason
from services.verifier.model.state_reasons import why_after_renewal, why_renewed
from services.verifier.model.states import renewed
from services.verifier.store.claims import ClaimStore
from services.verifier.store.verifications import notify_watchers
from services.verifier.worker.results import ResultWriter

SCAN = timedelta(seconds=1)
BATCH = 500


class ClaimSync:
    """Inserts, renews and deletes verifications. Level-triggered: the next scan makes up for a lost event."""

    def __init__(
        self,
        database: Database,
        store: ClaimStore,
        results: ResultWriter,
        *,
        wake_checks: Callable[[], None],
    ) -> None:
        self._database = database
        self._store = store
        self._results = results
        self._wake_checks = wake_checks
        self.task = PeriodicTask("claim sync", self.sync, interval=SCAN)

    async def receive(self, connection: Connection, events: Sequence[ReceivedEvent]) -> None:  # noqa: ARG002
        """Start a scan at once because claims have changed."""
        self.task.wake()

    async def sync(self) -> bool:
        """Insert, renew and delete verifications as claims require; return whether there may be more."""
        new, changed = await self._store.unseen(BATCH)
        if new:
            await self._store.begin(new, explain(DomainReason.FIRST_CHECK_DUE))
        for claim_id in changed:
            await self._renew(claim_id)
        await self._store.end()
        await self._store.check_owners_soon()
        if new or changed:
            self._wake_checks()
        return len(new) + len(changed) == BATCH

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
            why = why_after_renewal(renewal.ownership)
            await self._store.renew(connection, renewal.claim, verification, why)
            if verification.state is not renewal.verification.state:
                why = why_renewed(renewal.ownership)
                change = Transition(renewal.verification.state, verification.state, why)
                await self._results.save_transition(connection, renewal.claim, change)
            await notify_watchers(connection)
