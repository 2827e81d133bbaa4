"""What Postgres shows of the event path from SES to webhooks: heartbeats, and emails with their events."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.database import Database, Queries
from chassis.ids import uuid7
from chassis.regions import SesRegion

QUERIES = Queries.load(Path(__file__).with_name("event_path.sql"))
CONSIDERED_HEARTBEATS = 20
CONSIDERED_ATTEMPTS = 2000
REPORTED_WITHIN = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class HeartbeatReport:
    """A heartbeat: when it was sent, and when SES's event about it arrived; None if it has not."""

    sent_at: datetime
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class EmailReports:
    """How many emails of the last hour SES accepted, and how many of them it has reported by an event."""

    accepted: int
    reported: int


class EventPathStore:
    """Reads and writes the heartbeats of one region; `source` is the region with its configuration set."""

    def __init__(self, database: Database, ses_region: SesRegion, source: str) -> None:
        self._database = database
        self._region = ses_region.filter
        self._source = source

    async def start_heartbeat(self, shared_domain: str, *, interval: timedelta) -> UUID | None:
        """Record a heartbeat to send now, unless another was sent within `interval`; return its id."""
        started: UUID | None = await self._database.fetchval(
            *QUERIES.start_heartbeat(
                **self._region,
                heartbeat_id=uuid7(),
                source=self._source,
                interval=interval,
                shared_domain=shared_domain,
            )
        )
        return started

    async def heartbeats(self) -> list[HeartbeatReport]:
        """Return the newest heartbeats, the newest first."""
        query = QUERIES.heartbeats(source=self._source, limit=CONSIDERED_HEARTBEATS)
        return [HeartbeatReport(**row) for row in await self._database.fetch(*query)]

    async def emails(self) -> EmailReports:
        """Count emails of the last hour and their events."""
        query = QUERIES.emails(**self._region, considered=CONSIDERED_ATTEMPTS, within=REPORTED_WITHIN)
        [row] = await self._database.fetch(*query)
        return EmailReports(**row)
