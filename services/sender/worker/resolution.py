"""Resolves attempts: those that end at about the same time in one transaction."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from chassis.batcher import Batcher
from chassis.database import Database
from chassis.errors import Aborted, DeadlineExceeded, ServiceError, Unavailable
from services.sender.model.states import Outcome
from services.sender.store.states import EmailStates

MOST = 100  # outcomes per transaction
PAUSE = 0.01  # seconds to collect more outcomes while many arrive
RESOLVE_FOR = timedelta(seconds=60)
RESOLVE_AGAIN = timedelta(seconds=0.5)


class AttemptResolution:
    """Resolves the attempts of one process."""

    def __init__(self, database: Database, states: EmailStates) -> None:
        self._database = database
        self._states = states
        self._batcher = Batcher(self._resolve, most=MOST, pause=PAUSE)

    async def resolve(self, outcome: Outcome) -> bool:
        """Resolve one attempt, retrying for a minute if Postgres fails; return whether its email changed."""
        give_up = time.monotonic() + RESOLVE_FOR.total_seconds()
        while True:
            try:
                return await self._batcher.ask(outcome)
            except (Unavailable, Aborted, DeadlineExceeded):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(RESOLVE_AGAIN.total_seconds())

    async def _resolve(self, outcomes: Sequence[Outcome]) -> Sequence[bool]:
        """Resolve all in one transaction; if one of them makes it fail, each in its own."""
        emails = [outcome.move.email_id for outcome in outcomes]
        if len(set(emails)) == len(emails):  # one statement can move an email only once
            try:
                return await self._together(outcomes)
            except ServiceError:
                raise
            except Exception:
                if len(outcomes) == 1:
                    raise
        return [changed for outcome in outcomes for changed in await self._together([outcome])]

    async def _together(self, outcomes: Sequence[Outcome]) -> list[bool]:
        async with self._database.transaction() as connection:
            moved = {each.id for each in await self._states.resolve(connection, outcomes)}
        return [outcome.move.email_id in moved for outcome in outcomes]
