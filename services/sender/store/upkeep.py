"""Finds what time has made due: attempts to take over, evidence, deadlines, releases."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from services.sender.store.listening import Windows

QUERIES = Queries.load(Path(__file__).with_name("upkeep.sql"))
BATCH = 200  # rows of one round


@dataclass(frozen=True, slots=True)
class Overdue:
    """An attempt that its process left open. `number` is from 1 on; `begun`: its POST may have left.

    `deaths` is how many of the email's attempts before were left so, and never begun.
    """

    attempt_id: UUID
    email_id: UUID
    number: int
    begun: bool
    deaths: int


class UpkeepStore:
    """Every method finds or does a batch; the next round finds the rest. `source` is the listening's."""

    def __init__(self, database: Database, source: str) -> None:
        self._database = database
        self._source = source

    async def overdue_attempts(self, connection: Connection) -> list[Overdue]:
        """Give the attempts whose lease has run out; none of them can begin any more."""
        rows = await connection.fetch(QUERIES.overdue_attempts, BATCH)
        return [Overdue(*row) for row in rows]

    async def proven_attempts(self, connection: Connection) -> list[tuple[UUID, UUID, str]]:
        """Give attempt, email and SES's id where an event of SES tells that a lost answer was a yes."""
        rows = await connection.fetch(QUERIES.proven_attempts, BATCH)
        return [(row["id"], row["email_id"], row["ses_id"]) for row in rows]

    async def proven_emails(self, connection: Connection) -> list[tuple[UUID, str]]:
        """Give email and SES's id where an event of SES says that an email held after a restore was sent."""
        rows = await connection.fetch(QUERIES.proven_emails, BATCH)
        return [(row["id"], row["ses_id"]) for row in rows]

    async def silent_attempts(
        self, connection: Connection, windows: Windows
    ) -> list[tuple[UUID, UUID, bool]]:
        """Give attempt and email of what stayed silent for its window, and whether it is to be sent again."""
        rows = await connection.fetch(
            QUERIES.silent_attempts, self._source, windows.unknown_window, windows.resend_window, BATCH
        )
        return [(row["id"], row["email_id"], row["resend"]) for row in rows]

    async def expired_emails(self, connection: Connection) -> list[tuple[UUID, bool]]:
        """Give emails past their deadline, and of each whether it may have been sent."""
        rows = await connection.fetch(QUERIES.expired_emails, BATCH)
        return [(row["id"], row["perhaps_sent"]) for row in rows]

    async def claims_with_held(self, after: UUID | None) -> list[UUID]:
        """Give claims that email is held for, the next after one."""
        rows = await self._database.fetch(QUERIES.claims_with_held, after, BATCH)
        return [row["claim_id"] for row in rows]

    async def superseded_emails(self, connection: Connection) -> list[UUID]:
        """Lock email that waits to leave from a domain that another tenant proved."""
        return [row["id"] for row in await connection.fetch(QUERIES.superseded_emails, BATCH)]

    async def held_emails(self, connection: Connection, claim_id: UUID) -> list[UUID]:
        """Give email that is held for a claim's sake alone."""
        return [row["id"] for row in await connection.fetch(QUERIES.held_emails, claim_id, BATCH)]
