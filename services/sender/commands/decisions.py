"""Operators' decisions on emails that may or may not have been sent; an SES event overrides them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.errors import EmailNotFound, NothingToDecide, TooLateToResend
from services.sender.model.messages import explain
from services.sender.model.reasons import EmailReason
from services.sender.model.references import Moved
from services.sender.model.states import AttemptState, Move, State
from services.sender.store.decisions import DecisionStore, Undecided

log = get_logger(__name__)


class Outcome(StrEnum):
    """The decisions that an operator may take."""

    SENT = "SENT"
    NOT_SENT = "NOT_SENT"
    RESEND = "RESEND"


DECIDED = {
    Outcome.SENT: (State.SENT, AttemptState.ACCEPTED, EmailReason.OPERATOR_DECIDED_SENT),
    Outcome.NOT_SENT: (State.FAILED, AttemptState.ABANDONED, EmailReason.OPERATOR_DECIDED_NOT_SENT),
    Outcome.RESEND: (State.QUEUED, AttemptState.ABANDONED, EmailReason.OPERATOR_DECIDED_RESEND),
}


class Decisions:
    """Applies operators' decisions; `by` is the id of the key, recorded with `reason` in the history."""

    def __init__(self, database: Database, store: DecisionStore) -> None:
        self._database = database
        self._store = store

    async def resolve(
        self, email_id: UUID, outcome: Outcome, sees: Visibility, *, by: str, reason: str
    ) -> Moved:
        """Apply a decision to one email; raise EmailNotFound, or NothingToDecide after an SES event."""
        to, attempt_to, decided = DECIDED[outcome]
        move = Move(email_id, to, explain(decided, operator_key=by, operator_reason=reason))
        async with self._database.transaction() as connection:
            known = await self._store.undecided(connection, email_id, sees)
            if known is None:
                raise EmailNotFound
            moved = await self._store.resolve(connection, _undecided(known, outcome), move, attempt_to)
        if not moved:
            raise NothingToDecide(known.state)
        log.info(
            "operator decided the outcome of an email",
            action="email_resolved",
            email_id=str(email_id),
            outcome=outcome,
            by=by,
        )
        return moved[0]

    async def hold(
        self, since: datetime | None, before: datetime | None, sees: Visibility, *, by: str, reason: str
    ) -> int:
        """Hold a batch of the emails accepted in a time range until an operator decides; return how many."""
        why = explain(EmailReason.OPERATOR_HOLDS, operator_key=by, operator_reason=reason)
        async with self._database.transaction() as connection:
            held = await self._store.hold(connection, sees, since, before, why)
        log.info("operator held emails", action="emails_held", count=held, by=by)
        return held


def _undecided(known: Undecided, outcome: Outcome) -> Undecided:
    if not known.open:
        raise NothingToDecide(known.state)
    if known.over and outcome is Outcome.RESEND:
        raise TooLateToResend(known.state)
    return known
