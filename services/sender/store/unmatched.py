"""SES's events whose email is not known yet: stored with their SES message id until an email has it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.events import ReceivedEvent

QUERIES = Queries.load(Path(__file__).with_name("unmatched.sql"))
BATCH = 200  # events per check


class UnmatchedStore:
    """Stores unmatched events, and returns those whose email is known now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, connection: Connection, early: Sequence[tuple[ReceivedEvent, str]]) -> None:
        """Store events, each with its SES message id, in the caller's transaction."""
        if not early:
            return
        events = [event for event, _ in early]
        await connection.execute(
            *QUERIES.keep(
                event_ids=[event.id for event in events],
                ses_ids=[ses_id for _, ses_id in early],
                subjects=[event.subject for event in events],
                data=[event.data for event in events],
                times=[event.time for event in events],
            )
        )

    async def find_emails(self) -> tuple[list[UUID], bool]:
        """Check a batch of due events; return the ids of those with an email, and whether more may be due."""
        rows = await self._database.fetch(*QUERIES.find_emails(limit=BATCH))
        return [row["id"] for row in rows if row["known"]], len(rows) == BATCH

    async def take(self, connection: Connection, event_id: UUID) -> tuple[ReceivedEvent, datetime] | None:
        """Remove an event in the caller's transaction; return it and its arrival time, None if it is gone."""
        row = await connection.fetchrow(*QUERIES.take(event_id=event_id))
        if row is None:
            return None
        event = ReceivedEvent(row["id"], row["subject"], row["occurred_at"], None, "", row["data"])
        return event, row["received_at"]
