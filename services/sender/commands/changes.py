"""Changes to an accepted email: a caller may reschedule or cancel it.

The email is locked before its state is checked, so no dequeue of it is in progress.
"""

from datetime import UTC, datetime
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Connection, Database
from chassis.errors import InvalidField
from services.sender.errors import EmailNotFound, WrongState
from services.sender.model.emails import Email
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason
from services.sender.model.schedule import BadTime, check_send_time
from services.sender.model.states import Move, State
from services.sender.store.changes import ChangeStore
from services.sender.store.emails import EmailStore
from services.sender.store.states import EmailStates


class Changes:
    """Reschedules and cancels emails. Calls are idempotent and raise NotFound or FailedPrecondition."""

    def __init__(
        self, database: Database, store: ChangeStore, emails: EmailStore, states: EmailStates
    ) -> None:
        self._database = database
        self._store = store
        self._emails = emails
        self._states = states

    async def reschedule(self, email_id: UUID, send_at: datetime | None, sees: Visibility) -> Email:
        """Reschedule a QUEUED email; raise InvalidArgument for a time that is not allowed."""
        soonest = _checked(send_at, datetime.now(UTC))
        async with self._database.transaction() as connection:
            state = await self._locked(connection, email_id, sees)
            if state is not State.QUEUED:
                raise WrongState(state, "is no longer queued, so it cannot be rescheduled")
            await self._store.reschedule(connection, email_id, soonest)
        return await self._read(email_id, sees)

    async def cancel(self, email_id: UUID, sees: Visibility) -> Email:
        """Cancel an email that was definitely not sent."""
        async with self._database.transaction() as connection:
            state = await self._locked(connection, email_id, sees)
            if state is not State.CANCELED:
                await self._cancel(connection, email_id, state)
        return await self._read(email_id, sees)

    async def _cancel(self, connection: Connection, email_id: UUID, state: State) -> None:
        if state not in (State.QUEUED, State.HELD):
            raise WrongState(state, "is no longer waiting, so it cannot be canceled")
        if await self._store.is_perhaps_sent(connection, email_id):
            raise WrongState(state, "may have been sent already, so it cannot be canceled")
        await self._states.move(connection, [Move(email_id, State.CANCELED, explain(EmailReason.CANCELED))])

    async def _locked(self, connection: Connection, email_id: UUID, sees: Visibility) -> State:
        state = await self._store.lock(connection, email_id, sees)
        if state is None:
            raise EmailNotFound
        return state

    async def _read(self, email_id: UUID, sees: Visibility) -> Email:
        email = await self._emails.get(email_id, sees)
        if email is None:
            raise EmailNotFound
        return email


def _checked(send_at: datetime | None, now: datetime) -> datetime:
    if send_at is None:
        raise InvalidField("send_time", "MISSING")
    try:
        check_send_time(send_at, now)
    except BadTime as bad:
        raise InvalidField.of("send_time", bad) from bad
    return max(send_at, now)
