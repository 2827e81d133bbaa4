"""Finds the work of the periodic tasks: attempts to take over, evidence, deadlines, releases."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from chassis.regions import SesRegion
from services.sender.config import Windows

QUERIES = Queries.load(Path(__file__).with_name("upkeep.sql"))
BATCH = 200  # rows per run


@dataclass(frozen=True, slots=True)
class Overdue:
    """An attempt that its process left open. `number` counts from 1; `started`: its POST may have been sent.

    `deaths` is how many earlier attempts of the email were left open before they were started.
    """

    attempt_id: UUID
    email_id: UUID
    number: int
    started: bool
    deaths: int


class UpkeepStore:
    """Finds a region's work in batches; the next run finds the rest.

    `source` is as in `FeedbackLivenessStore`.
    """

    def __init__(self, database: Database, ses_region: SesRegion, source: str) -> None:
        self._database = database
        self._region = ses_region.filter
        self._source = source

    async def overdue_attempts(self, connection: Connection) -> list[Overdue]:
        """Lock and return attempts whose lease has expired; none of them can be started any more."""
        rows = await connection.fetch(*QUERIES.overdue_attempts(**self._region, limit=BATCH))
        return [Overdue(*row) for row in rows]

    async def proven_attempts(self, connection: Connection) -> list[tuple[UUID, UUID, str]]:
        """Return attempt, email and SES id where an event shows that SES accepted what lost its answer."""
        rows = await connection.fetch(*QUERIES.proven_attempts(**self._region, limit=BATCH))
        return [(row["id"], row["email_id"], row["ses_id"]) for row in rows]

    async def proven_emails(self, connection: Connection) -> list[tuple[UUID, str]]:
        """Return email and SES id where an event shows that an email held after a restore was sent."""
        rows = await connection.fetch(*QUERIES.proven_emails(**self._region, limit=BATCH))
        return [(row["id"], row["ses_id"]) for row in rows]

    async def absent_attempts(
        self, connection: Connection, windows: Windows
    ) -> list[tuple[UUID, UUID, bool]]:
        """Return attempt and email whose window ended without an event, and whether to resend the email."""
        rows = await connection.fetch(
            *QUERIES.absent_attempts(
                **self._region,
                source=self._source,
                unknown_window=windows.unknown_window,
                resend_window=windows.resend_window,
                limit=BATCH,
            )
        )
        return [(row["id"], row["email_id"], row["resend"]) for row in rows]

    async def expired_emails(self, connection: Connection) -> list[tuple[UUID, bool]]:
        """Return emails past their deadline, each with whether it may have been sent."""
        rows = await connection.fetch(*QUERIES.expired_emails(**self._region, limit=BATCH))
        return [(row["id"], row["perhaps_sent"]) for row in rows]

    async def claims_with_held(self, after: UUID | None) -> list[UUID]:
        """Return claims that have held email, in order, after a given one."""
        rows = await self._database.fetch(*QUERIES.claims_with_held(**self._region, after=after, limit=BATCH))
        return [row["claim_id"] for row in rows]

    async def superseded_emails(self, connection: Connection) -> list[UUID]:
        """Lock and return waiting email from domains that another tenant proved control of."""
        rows = await connection.fetch(*QUERIES.superseded_emails(limit=BATCH))
        return [row["id"] for row in rows]

    async def held_emails(self, connection: Connection, claim_id: UUID) -> list[UUID]:
        """Return email that is held only because of its claim."""
        rows = await connection.fetch(*QUERIES.held_emails(claim_id=claim_id, limit=BATCH))
        return [row["id"] for row in rows]

    async def assign_regions(self) -> bool:
        """Write the region of open emails and attempts that have none; return whether there may be more."""
        emails = await self._database.fetch(*QUERIES.assign_emails(limit=BATCH))
        attempts = await self._database.fetch(*QUERIES.assign_attempts(limit=BATCH))
        return BATCH in (len(emails), len(attempts))
