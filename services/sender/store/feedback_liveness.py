"""Feedback liveness in Postgres: the signs that SES's events reach us, the clock, and heartbeats."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.ids import uuid7
from chassis.regions import SesRegion

QUERIES = Queries.load(Path(__file__).with_name("feedback_liveness.sql"))
# A long poll takes 20 s at most: if the last answer is older than this, the queue is not being polled.
POLLED_WITHIN = timedelta(seconds=30)
# Notifications are processed within milliseconds of being stored. An older one is a backlog that may contain
# evidence.
PROCESSED_WITHIN = timedelta(seconds=5)
# The task runs every second. After a longer gap, it is unknown whether feedback was live in between.
LONGEST_GAP = timedelta(seconds=5)
ENOUGH_HEARTBEATS = 2


@dataclass(frozen=True, slots=True)
class Signs:
    """The signs of feedback liveness.

    `received_through`: SES's events about all attempts before this time would have arrived by now; None if
    too few events arrived lately. `intake_works`: the queue is polled and nothing waits to be processed.
    """

    received_through: datetime | None
    intake_works: bool

    @property
    def live(self) -> bool:
        """Return whether feedback is live, so that the absence of an event counts."""
        return self.intake_works and self.received_through is not None


class FeedbackLivenessStore:
    """Stores the liveness of one region; `source` is the region with its configuration set."""

    def __init__(self, database: Database, ses_region: SesRegion, source: str) -> None:
        self._database = database
        self._region = ses_region.filter
        self._source = source

    async def anything_unknown(self) -> bool:
        """Return whether any email waits for evidence."""
        return bool(await self._database.fetchval(*QUERIES.anything_unknown(**self._region)))

    async def signs(self, connection: Connection, *, enough: int, freshness: timedelta) -> Signs:
        """Return the signs of liveness within `freshness`; events of `enough` attempts prove it."""
        [row] = await connection.fetch(
            *QUERIES.signs(
                **self._region,
                source=self._source,
                freshness=freshness,
                enough_attempts=enough,
                enough_heartbeats=ENOUGH_HEARTBEATS,
                polled_within=POLLED_WITHIN,
                processed_within=PROCESSED_WITHIN,
            )
        )
        return Signs(row["received_through"], row["intake_works"])

    async def advance(self, connection: Connection, signs: Signs) -> timedelta:
        """Advance the clock if feedback was live since the last check, lock it, and return what it shows."""
        shown: timedelta = await connection.fetchval(
            *QUERIES.advance_clock(source=self._source, live=signs.live, longest_gap=LONGEST_GAP)
        )
        return shown

    async def confirm_absence(self, connection: Connection, shown: timedelta, signs: Signs) -> None:
        """Start the windows of lost answers once events of later attempts have arrived."""
        await connection.execute(
            *QUERIES.confirm_absence(**self._region, shown=shown, received_through=signs.received_through)
        )

    async def start_heartbeat(
        self, connection: Connection, signs: Signs, *, interval: timedelta, freshness: timedelta
    ) -> UUID | None:
        """Record a heartbeat to send now, if one is needed, and return its id; needs the clock's lock."""
        started: UUID | None = await connection.fetchval(
            *QUERIES.start_heartbeat(
                **self._region,
                heartbeat_id=uuid7(),
                source=self._source,
                interval=interval,
                stale_after=freshness / 2,
                received_through=signs.received_through,
            )
        )
        return started
