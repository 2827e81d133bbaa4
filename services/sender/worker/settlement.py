"""Resolves attempts: those that end at about the same time in one transaction."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from chassis.database import Database
from chassis.errors import Aborted, DeadlineExceeded, ServiceError, Unavailable
from chassis.gathering import Gathering
from services.sender.model.emails import Verdict
from services.sender.store.states import EmailStates

MOST = 100  # verdicts per transaction
PAUSE = 0.01  # seconds to collect more verdicts while many arrive
SETTLE_FOR = timedelta(seconds=60)
SETTLE_AGAIN = timedelta(seconds=0.5)


class Settlement:
    """Resolves the attempts of one process."""

    def __init__(self, database: Database, states: EmailStates) -> None:
        self._database = database
        self._states = states
        self._gathering = Gathering(self._settle, most=MOST, pause=PAUSE)

    async def settle(self, verdict: Verdict) -> bool:
        """Resolve one attempt, retrying for a minute if Postgres fails; return whether its email changed."""
        give_up = time.monotonic() + SETTLE_FOR.total_seconds()
        while True:
            try:
                return await self._gathering.ask(verdict)
            except (Unavailable, Aborted, DeadlineExceeded):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(SETTLE_AGAIN.total_seconds())

    async def _settle(self, verdicts: Sequence[Verdict]) -> Sequence[bool]:
        """Resolve all in one transaction; if one of them makes it fail, each in its own."""
        emails = [verdict.move.email_id for verdict in verdicts]
        if len(set(emails)) == len(emails):  # one statement can move an email only once
            try:
                return await self._together(verdicts)
            except ServiceError:
                raise
            except Exception:
                if len(verdicts) == 1:
                    raise
        return [changed for verdict in verdicts for changed in await self._together([verdict])]

    async def _together(self, verdicts: Sequence[Verdict]) -> list[bool]:
        async with self._database.transaction() as connection:
            moved = {each.id for each in await self._states.settle(connection, verdicts)}
        return [verdict.move.email_id in moved for verdict in verdicts]
