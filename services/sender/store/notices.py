"""Notices in Postgres: each is recorded once, with its email or with the reason why none was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from chassis.database import Connection, Database, Queries
from services.sender.model.notices import DAY, HOUR, Circumstances, Notice, Unsent

QUERIES = Queries.load(Path(__file__).with_name("notices.sql"))


@dataclass(frozen=True, slots=True)
class From:
    """The tenant and the claim of the shared domain, which notices are sent from."""

    tenant_id: UUID
    claim_id: UUID


@dataclass(frozen=True, slots=True)
class StoredCode:
    """The code of a contact's confirmation, as a hash, which identity compares."""

    confirmation_id: UUID
    code_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about the tenant of a notice; `sender` is None without a shared domain."""

    tenant_name: str
    sender: From | None
    circumstances: Circumstances


class NoticeStore:
    """Works in the caller's transaction, except for `undelivered`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, connection: Connection) -> None:
        """Block other decisions on notices until the transaction ends."""
        await connection.execute(*QUERIES.lock())

    async def find(self, connection: Connection, notice: Notice, shared_domain: str | None) -> Found:
        """Return what decides whether a notice is sent; raise LookupError for an unknown tenant."""
        row = await connection.fetchrow(
            *QUERIES.circumstances(
                tenant_id=notice.tenant_id,
                kind=notice.KIND,
                domain=notice.about,
                shared_domain=shared_domain,
                day=DAY,
                hour=HOUR,
            )
        )
        if row is None:
            raise LookupError(f"tenant {notice.tenant_id} does not exist")
        sender = From(row["operator_id"], row["shared_claim_id"]) if row["shared_claim_id"] else None
        known = Circumstances(
            now=row["now"],
            contact=row["contact"],
            sender_known=sender is not None,
            sent_today=row["sent_today"],
            sent_lately=row["sent_lately"],
        )
        return Found(row["tenant_name"], sender, known)

    async def add(
        self, connection: Connection, notice: Notice, outcome: UUID | Unsent, code: StoredCode | None = None
    ) -> None:
        """Record a notice with its email, or why none is sent, and the code that the email carries."""
        await connection.execute(
            *QUERIES.add_notice(
                event_id=notice.event_id,
                tenant_id=notice.tenant_id,
                kind=notice.KIND,
                domain=notice.about,
                email_id=None if isinstance(outcome, Unsent) else outcome,
                unsent_reason=outcome if isinstance(outcome, Unsent) else "",
                confirmation_id=code.confirmation_id if code else None,
                code_hash=code.code_hash if code else None,
            )
        )

    async def undelivered(self, limit: int) -> Mapping[str, int]:
        """Return how many notices of the last day did not reach their tenant, by reason."""
        rows = await self._database.fetch(*QUERIES.undelivered(day=DAY, limit=limit))
        return {row["reason"]: row["notices"] for row in rows}
