"""Checks of advisory records, such as DMARC, as soon as they change.

The required records are neither queried nor decided on, so a change of advice cannot move a state, not even
earlier than the check schedule would. The scheduled DNS checks include advisory records too.
"""

from datetime import timedelta

from chassis.worker import LeaseLoop
from services.verifier.resolver.resolver import Resolver
from services.verifier.store.advice import AdviceStore, DueAdvice
from services.verifier.store.verifications import VerificationStore
from services.verifier.worker.dns_checks import inspect

SCAN = timedelta(seconds=1)
CONCURRENCY = 20


class AdviceChecks:
    """Runs the checks. Changes that arrive during a check of the same claim are checked after it, at once."""

    def __init__(self, store: AdviceStore, verifications: VerificationStore, resolver: Resolver) -> None:
        self._store = store
        self._verifications = verifications
        self._resolver = resolver
        self._running = set[DueAdvice]()
        self.loop = LeaseLoop("advice checks", self._due, self._check, concurrency=CONCURRENCY, idle=SCAN)

    async def _due(self, limit: int) -> list[DueAdvice]:
        """Return due checks that do not run here. Other replicas may run them too: the effect is the same."""
        due = await self._store.due(limit, besides=self._running)
        self._running.update(due)
        return due

    async def _check(self, due: DueAdvice) -> None:
        try:
            records = await self._verifications.records(due.claim.claim_id, due.claim.generation)
            advisory = [each for each in records if not each.required]
            checks = await inspect(self._resolver, [each.expected for each in advisory]) if advisory else []
            await self._store.save(due, advisory, checks)
        finally:
            self._running.discard(due)
