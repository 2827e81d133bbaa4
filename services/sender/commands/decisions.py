"""What operators decide over emails of which nobody knows whether they were sent; evidence is worth more."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chassis.access import Visibility
from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.model.emails import AttemptState, Move, Moved, State
from services.sender.refusals import EmailNotFound, NothingToDecide, TooLateToResend
from services.sender.store.decisions import DecisionStore, Undecided

log = get_logger(__name__)


class Outcome(StrEnum):
    """What an operator may decide."""

    SENT = "SENT"
    NOT_SENT = "NOT_SENT"
    RESEND = "RESEND"


DECIDED = {
    Outcome.SENT: (State.SENT, AttemptState.ACCEPTED, "was sent"),
    Outcome.NOT_SENT: (State.FAILED, AttemptState.ABANDONED, "was not sent, and is not to be"),
    Outcome.RESEND: (State.QUEUED, AttemptState.ABANDONED, "is to be sent once more"),
}


class Decisions:
    """Decides for operators; `by` is who, `reason` why: both stand in the history."""

    def __init__(self, database: Database, store: DecisionStore) -> None:
        self._database = database
        self._store = store

    async def settle(
        self, email_id: UUID, outcome: Outcome, sees: Visibility, *, by: str, reason: str
    ) -> Moved:
        """Decide over one email; raises EmailNotFound, or NothingToDecide where evidence was first."""
        to, attempt_to, words = DECIDED[outcome]
        move = Move(email_id, to, f"{by} decided that it {words}: {reason}")
        async with self._database.transaction() as connection:
            known = await self._store.undecided(connection, email_id, sees)
            if known is None:
                raise EmailNotFound
            moved = await self._store.settle(connection, _open(known, outcome), move, attempt_to)
        if not moved:
            raise NothingToDecide(known.state)
        log.info(
            "an operator decided", action="email_settled", email_id=str(email_id), outcome=outcome, by=by
        )
        return moved[0]

    async def hold(
        self, since: datetime | None, before: datetime | None, sees: Visibility, *, by: str, reason: str
    ) -> int:
        """Hold a batch of what was accepted in a time until somebody decides; gives how many."""
        note = f"{by} holds it until somebody decides; it may have been sent: {reason}"
        async with self._database.transaction() as connection:
            held = await self._store.hold(connection, sees, since, before, note)
        log.info("an operator holds emails", action="emails_held", count=held, by=by)
        return held


def _open(known: Undecided, outcome: Outcome) -> Undecided:
    if not known.open:
        raise NothingToDecide(known.state)
    if known.over and outcome is Outcome.RESEND:
        raise TooLateToResend(known.state)
    return known
