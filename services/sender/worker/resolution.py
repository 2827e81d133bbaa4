"""Resolves attempts that were left open or whose answer was lost: by take-over, evidence and windows.

It is level-triggered: it acts on the state in the database, not on events. Any replica may run it.
"""

from datetime import timedelta

from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.config import Windows
from services.sender.model.feedback import proof, proven_move
from services.sender.model.messages import explain
from services.sender.model.posting import Rejected, Then
from services.sender.model.reasons import EmailReason
from services.sender.model.states import AttemptState, Move, Outcome, State
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import BATCH, Overdue, UpkeepStore
from services.sender.worker.feedback_liveness import FeedbackLiveness

log = get_logger(__name__)

# An email may itself crash the process that builds it. Three measures contain that. The delay between its
# attempts grows,
NOT_STARTED = Rejected(
    Then.RETRY,
    EmailReason.PROCESS_ENDED,
    error="taken over: the lease expired before the POST started",
)
# emails whose attempts ended together are retried at different times, so that the cause is alone next time,
SPREAD = timedelta(seconds=1)
# and after this many lost processes the email is held until an operator decides.
DEADLY = 5
UNTIL_DECIDED = timedelta(days=36_500)


class Resolution:
    """Resolves attempts without an answer."""

    def __init__(
        self,
        database: Database,
        store: UpkeepStore,
        states: EmailStates,
        feedback_liveness: FeedbackLiveness,
        *,
        windows: Windows,
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._feedback_liveness = feedback_liveness
        self._windows = windows

    async def resolve(self) -> bool:
        """Take over overdue attempts, resolve unknown ones by evidence, then end windows without any.

        Return whether there is more to do at once.
        """
        async with self._database.transaction() as connection:
            overdue = await self._store.overdue_attempts(connection)
            await self._states.resolve(connection, [_taken_over(*each) for each in enumerate(overdue)])
        async with self._database.transaction() as connection:
            proven = await self._store.proven_attempts(connection)
            await self._states.resolve(connection, [proof(*each) for each in proven])
            found = await self._store.proven_emails(connection)
            await self._states.move(connection, [proven_move(*each) for each in found])
        absent = await self._end_windows() if await self._feedback_liveness.check() else 0
        if overdue or proven or absent:
            counts = {"taken_over": len(overdue), "proven": len(proven), "absent": absent}
            log.info("resolved unknown outcomes", action="unknown_resolved", **counts)
        return BATCH in (len(overdue), len(proven), absent)

    async def _end_windows(self) -> int:
        """Hold or resend emails whose window ended without an event; call only while feedback is live."""
        async with self._database.transaction() as connection:
            absent = await self._store.absent_attempts(connection, self._windows)
            resent = [
                Outcome(
                    attempt_id,
                    AttemptState.ABANDONED,
                    Move(email_id, State.QUEUED, explain(EmailReason.RESENT)),
                )
                for attempt_id, email_id, resend in absent
                if resend
            ]
            await self._states.resolve(connection, resent)
            no_event = explain(EmailReason.NO_SES_EVENT)
            held = [Move(email_id, State.HELD, no_event) for _, email_id, resend in absent if not resend]
            await self._states.move(connection, held)
        return len(absent)


def _taken_over(position: int, what: Overdue) -> Outcome:
    """Return the outcome of an overdue attempt at a position (from 0) among those taken over together."""
    if what.started:
        move = Move(what.email_id, State.UNKNOWN, explain(EmailReason.TAKEN_OVER))
        return Outcome(what.attempt_id, AttemptState.UNKNOWN, move, "taken over: the lease expired")
    if what.deaths + 1 >= DEADLY:
        why = explain(EmailReason.MAY_CRASH_SENDERS)
        move = Move(what.email_id, State.HELD, why, delay=UNTIL_DECIDED)
    else:
        delay = NOT_STARTED.delay(what.number) + (position * SPREAD if what.deaths else timedelta(0))
        move = Move(what.email_id, State.QUEUED, explain(NOT_STARTED.reason), delay=delay)
    return Outcome(what.attempt_id, AttemptState.REFUSED, move, NOT_STARTED.error)
