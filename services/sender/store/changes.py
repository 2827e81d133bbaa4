"""Changes that a caller may make to a waiting email; every method works in the caller's transaction."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Queries
from chassis.events import Outbox
from chassis.ids import uuid7
from services.sender.events.published import scheduled
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason
from services.sender.model.states import State
from services.sender.store.rows import to_reference

QUERIES = Queries.load(Path(__file__).with_name("changes.sql"))


class ChangeStore:
    """Locks and changes emails; `deadline` counts from the time that an email is scheduled for."""

    def __init__(self, *, deadline: timedelta) -> None:
        self._deadline = deadline
        self._outbox = Outbox("sender")

    async def lock(self, connection: Connection, email_id: UUID, sees: Visibility) -> State | None:
        """Lock an email until the transaction ends and return its state; None if there is no such email."""
        state = await connection.fetchval(*QUERIES.lock_email(email_id=email_id, **sees.filter))
        return State(state) if state else None

    async def is_perhaps_sent(self, connection: Connection, email_id: UUID) -> bool:
        """Return whether the email may have been sent."""
        found: bool = await connection.fetchval(*QUERIES.is_perhaps_sent(email_id=email_id))
        return found

    async def reschedule(self, connection: Connection, email_id: UUID, send_at: datetime) -> None:
        """Change the time that a QUEUED email is scheduled for."""
        why = explain(EmailReason.RESCHEDULED)
        changed = await connection.fetchrow(
            *QUERIES.reschedule_email(
                email_id=email_id,
                send_at=send_at,
                deadline=self._deadline,
                transition_id=uuid7(),
                message=why.message,
                reason=why.reason,
            )
        )
        if changed is not None:
            await self._outbox.write(connection, scheduled(to_reference(changed, ses_id=None)))
