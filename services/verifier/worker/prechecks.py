"""Prechecks of new claims, whose result identity needs before it shows their records."""

import asyncio
from datetime import timedelta
from uuid import UUID

from chassis.telemetry import get_logger
from chassis.worker import LeaseLoop
from services.verifier.model.ownership import Precheck, precheck
from services.verifier.model.records import RecordType
from services.verifier.resolver.resolver import Lookup, Resolver
from services.verifier.store.claims import ClaimStore, DuePrecheck

log = get_logger(__name__)

SCAN = timedelta(seconds=1)
CONCURRENCY = 20  # SES creates at most one identity a second, and a precheck takes at most 10 s
ATTEMPTS = 3  # while name servers do not answer
RETRY_AFTER = timedelta(seconds=1)


class Prechecks:
    """Checks whether a new claim's DKIM records exist before they are shown; if so, it needs a proof.

    An inconclusive precheck costs the customer a proof, so name servers that do not answer are queried again.
    """

    def __init__(self, store: ClaimStore, resolver: Resolver) -> None:
        self._store = store
        self._resolver = resolver
        self._running = set[UUID]()
        self.loop = LeaseLoop("dkim prechecks", self._due, self._check, concurrency=CONCURRENCY, idle=SCAN)

    async def _due(self, limit: int) -> list[DuePrecheck]:
        """Return due prechecks that do not run here. Other replicas may too: the effect is the same."""
        due = await self._store.due_prechecks(limit, besides=self._running)
        self._running |= {each.claim_id for each in due}
        return due

    async def _check(self, due: DuePrecheck) -> None:
        try:
            await self._store.save_precheck(due, await self._outcome(due))
        finally:
            self._running.discard(due.claim_id)

    async def _outcome(self, due: DuePrecheck) -> Precheck:
        """Query all DKIM names, again while the outcome is inconclusive."""
        lookup = self._resolver.lookup()
        outcome = await _attempt(lookup, due)
        for _ in range(ATTEMPTS - 1):
            if outcome is not Precheck.INCONCLUSIVE:
                break
            await asyncio.sleep(RETRY_AFTER.total_seconds())
            outcome = await _attempt(lookup, due)
        return outcome


async def _attempt(lookup: Lookup, due: DuePrecheck) -> Precheck:
    names = [f"{token}._domainkey.{due.name}" for token in due.tokens]
    answers = [await lookup.ask(name, RecordType.CNAME) for name in names]
    outcome = precheck(due.tokens, answers)
    if outcome is Precheck.INCONCLUSIVE:
        log.warning(
            "DKIM precheck was inconclusive",
            action="precheck_inconclusive",
            domain=due.name,
            servers={seen.server: seen.outcome.value for answer in answers for seen in answer.observations},
        )
    return outcome
