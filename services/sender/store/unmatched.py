"""SES's events whose email is not known yet: kept with their SES id until an email has it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.events import ReceivedEvent

QUERIES = Queries.load(Path(__file__).with_name("unmatched.sql"))
BATCH = 200  # events of one look


class UnmatchedStore:
    """Parks events, and gives those back whose email has come to be known."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def park(self, connection: Connection, early: Sequence[tuple[ReceivedEvent, str]]) -> None:
        """Keep events, each with its SES id, in the caller's transaction."""
        if not early:
            return
        events = [event for event, _ in early]
        await connection.execute(
            QUERIES.park,
            [event.id for event in events],
            [ses_id for _, ses_id in early],
            [event.subject for event in events],
            [event.data for event in events],
            [event.time for event in events],
        )

    async def look(self) -> tuple[list[UUID], bool]:
        """Look for the emails of those whose turn it is; gives ids of the matched, and if there is more."""
        rows = await self._database.fetch(QUERIES.look, BATCH)
        return [row["id"] for row in rows if row["known"]], len(rows) == BATCH

    async def take(self, connection: Connection, event_id: UUID) -> tuple[ReceivedEvent, datetime] | None:
        """Take an event out in the caller's transaction, with when it was heard; None if another has."""
        row = await connection.fetchrow(QUERIES.take, event_id)
        if row is None:
            return None
        event = ReceivedEvent(row["id"], row["subject"], row["occurred_at"], None, "", row["data"])
        return event, row["heard_at"]
