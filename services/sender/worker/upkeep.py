"""Periodic tasks: take-over of abandoned attempts, evidence, windows, deadlines, releases.

Every rule is level-triggered: it acts on the state in the database, not on events. Any replica may run it.
"""

from datetime import timedelta
from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.model.answers import Rejected, Then
from services.sender.model.feedback import proof, proven_move
from services.sender.model.origin import Domain, Origin, origin
from services.sender.model.posting import ENDED, SUPERSEDED
from services.sender.model.states import AttemptState, Move, Outcome, State
from services.sender.store.feedback_liveness import Windows
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import BATCH, Overdue, UpkeepStore
from services.sender.worker.feedback_liveness import FeedbackLiveness

log = get_logger(__name__)

TAKEN_OVER = "The process that submitted it ended before SES answered; waiting for SES's event."
# An email may itself crash the process that builds it. Three measures contain that. The delay between its
# attempts grows,
NOT_STARTED = Rejected(
    Then.RETRY,
    "The process ended before it submitted the email; nothing was sent, and it will be retried.",
    "taken over: the lease expired before the POST started",
)
# emails whose attempts ended together are retried at different times, so that the cause is alone next time,
SPREAD = timedelta(seconds=1)
# and after this many lost processes the email is held until an operator decides.
DEADLY = 5
UNTIL_DECIDED = timedelta(days=36_500)
MAY_CRASH_SENDERS = (
    "Five processes ended just before they submitted it, so this email may be what crashes them. "
    "Nothing was sent. An operator must decide."
)
NO_EVENT = (
    "SES's answer was lost and no event arrived. It may have been sent, so it is not resent automatically. "
    "If SES's event still arrives, it becomes SENT."
)
EXPIRED_UNKNOWN = "Its deadline passed. Whether it was sent is unknown: it may have been."
EXPIRED = "Its deadline passed before it could be submitted; nothing was sent."
RELEASED = "Its domain can send again."
RESENT = "SES's answer was lost, and no event arrived while those of later emails did. It is sent once more."


class Upkeep:
    """The periodic tasks; each returns whether there is more to do at once."""

    def __init__(
        self,
        database: Database,
        store: UpkeepStore,
        states: EmailStates,
        claims: QueueStore,
        feedback_liveness: FeedbackLiveness,
        *,
        windows: Windows,
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._claims = claims
        self._feedback_liveness = feedback_liveness
        self._windows = windows

    async def resolve(self) -> bool:
        """Take over overdue attempts, resolve unknown ones by evidence, then end windows without any."""
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
            await self._states.resolve(connection, [_resent(*ids) for *ids, resend in absent if resend])
            held = [Move(email_id, State.HELD, NO_EVENT) for _, email_id, resend in absent if not resend]
            await self._states.move(connection, held)
        return len(absent)

    async def expire(self) -> bool:
        """Expire emails that waited beyond their deadline."""
        async with self._database.transaction() as connection:
            expired = await self._store.expired_emails(connection)
            moves = [
                Move(each, State.EXPIRED, EXPIRED_UNKNOWN if perhaps else EXPIRED)
                for each, perhaps in expired
            ]
            await self._states.move(connection, moves)
        return len(expired) == BATCH

    async def release(self) -> bool:
        """Release held email whose claim can send again; fail it where the claim never can."""
        full, after = False, None
        while claim_ids := await self._store.claims_with_held(after):
            domains = await self._claims.domains(claim_ids)
            counts = [await self._release_claim(each, domains.get(each)) for each in claim_ids]
            full, after = full or BATCH in counts, claim_ids[-1]
        return full

    async def supersede(self) -> bool:
        """Fail waiting and scheduled email from domains that another tenant proved control of."""
        async with self._database.transaction() as connection:
            waiting = await self._store.superseded_emails(connection)
            moves = [Move(each, State.FAILED, SUPERSEDED) for each in waiting]
            await self._states.move(connection, moves)
        return len(waiting) == BATCH

    async def _release_claim(self, claim_id: UUID, domain: Domain | None) -> int:
        answer = Origin.NOT_YOURS if domain is None else origin(domain.verification)
        if answer is Origin.NOT_READY:
            return 0
        can_send = answer in (Origin.OWN, Origin.SHARED)
        to, note = (State.QUEUED, RELEASED) if can_send else (State.FAILED, ENDED[answer])
        async with self._database.transaction() as connection:
            held = await self._store.held_emails(connection, claim_id)
            await self._states.move(connection, [Move(each, to, note) for each in held])
        return len(held)


def _resent(attempt_id: UUID, email_id: UUID) -> Outcome:
    return Outcome(attempt_id, AttemptState.ABANDONED, Move(email_id, State.QUEUED, RESENT))


def _taken_over(position: int, what: Overdue) -> Outcome:
    """Return the outcome of an overdue attempt at a position (from 0) among those taken over together."""
    if what.started:
        move = Move(what.email_id, State.UNKNOWN, TAKEN_OVER)
        return Outcome(what.attempt_id, AttemptState.UNKNOWN, move, "taken over: the lease expired")
    if what.deaths + 1 >= DEADLY:
        move = Move(what.email_id, State.HELD, MAY_CRASH_SENDERS, delay=UNTIL_DECIDED)
    else:
        delay = NOT_STARTED.delay(what.number) + (position * SPREAD if what.deaths else timedelta(0))
        move = Move(what.email_id, State.QUEUED, NOT_STARTED.note, delay=delay)
    return Outcome(what.attempt_id, AttemptState.REFUSED, move, NOT_STARTED.error)
