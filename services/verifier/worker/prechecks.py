"""Prechecks of new claims, whose result identity needs before it shows their records."""

import asyncio
from datetime import timedelta

from chassis.periodic import PeriodicTask
from services.verifier.model.ownership import precheck
from services.verifier.model.records import RecordType
from services.verifier.resolver.resolver import Resolver
from services.verifier.store.claims import ClaimStore, DuePrecheck

SCAN = timedelta(seconds=1)
BATCH = 20


class Prechecks:
    """Checks whether a new claim's DKIM records exist before they are shown; if so, it needs a proof."""

    def __init__(self, store: ClaimStore, resolver: Resolver) -> None:
        self._store = store
        self._resolver = resolver
        self.task = PeriodicTask("dkim prechecks", self.check, interval=SCAN)

    async def check(self) -> bool:
        """Run due prechecks; return whether there may be more."""
        due = await self._store.due_prechecks(BATCH)
        await asyncio.gather(*(self._check(each) for each in due))
        return bool(due)

    async def _check(self, due: DuePrecheck) -> None:
        lookup = self._resolver.lookup()
        names = [f"{token}._domainkey.{due.name}" for token in due.tokens]
        answers = [await lookup.ask(name, RecordType.CNAME) for name in names]
        await self._store.save_precheck(due, precheck(due.tokens, answers))
