"""What time alone brings about: take-over, evidence, windows, deadlines, releases.

Every rule is level-triggered: it looks at what is so, not at what was told, and any replica may do it.
"""

from datetime import timedelta
from uuid import UUID

from chassis.database import Database
from chassis.telemetry import get_logger
from services.sender.model.answers import Refused, Then
from services.sender.model.emails import AttemptState, Move, State, Verdict
from services.sender.model.feedback import proof, proven_move
from services.sender.model.origin import Domain, Origin, origin
from services.sender.model.posting import ENDED, SUPERSEDED
from services.sender.store.claims import ClaimStore
from services.sender.store.listening import Windows
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import BATCH, Overdue, UpkeepStore
from services.sender.worker.listening import Listening

log = get_logger(__name__)

TAKEN_OVER = "The process that handed it over ended before SES's answer; SES's event is awaited."
# Should it be this very email that ends its process, the pauses grow,
NEVER_BEGUN = Refused(
    Then.RETRY,
    "The process that was to hand it over ended before it began; nothing was sent, and it is tried again.",
    "taken over: its lease ran out before its POST began",
)
# those that died with it before come apart, so that it is alone the next time,
APART = timedelta(seconds=1)
# and in the end it is kept from killing more: only an operator lets it go.
DEADLY = 5
KEPT = timedelta(days=36_500)
KILLER = (
    "Five processes ended while they were about to hand it over: perhaps it is this email that ends them. "
    "Nothing was sent; somebody decides."
)
SILENT = (
    "SES's answer was lost and no event came. It may have been sent, so it is not sent again by itself; "
    "should SES's event still come, this becomes SENT."
)
PERHAPS = "Its deadline passed, and whether it was sent was never found out: it may have been."
EXPIRED = "Its deadline passed before it could be handed over; nothing was sent."
RELEASED = "Its domain can send again."
RESENT = "SES's answer was lost and no event of it came, as those of later emails did. It is sent once more."


class Upkeep:
    """The rounds; each says whether there is more to do at once."""

    def __init__(
        self,
        database: Database,
        store: UpkeepStore,
        states: EmailStates,
        claims: ClaimStore,
        listening: Listening,
        *,
        windows: Windows,
    ) -> None:
        self._database = database
        self._store = store
        self._states = states
        self._claims = claims
        self._listening = listening
        self._windows = windows

    async def settle(self) -> bool:
        """Take over what is overdue, settle what is unknown by evidence, then decide over what is silent."""
        async with self._database.transaction() as connection:
            overdue = await self._store.overdue_attempts(connection)
            await self._states.settle(connection, [_taken_over(*each) for each in enumerate(overdue)])
        async with self._database.transaction() as connection:
            proven = await self._store.proven_attempts(connection)
            await self._states.settle(connection, [proof(*each) for each in proven])
            found = await self._store.proven_emails(connection)
            await self._states.move(connection, [proven_move(*each) for each in found])
        silent = await self._end_windows() if await self._listening.look() else 0
        if overdue or proven or silent:
            counts = {"taken_over": len(overdue), "proven": len(proven), "silent": silent}
            log.info("unknown outcomes", action="unknown_settled", **counts)
        return BATCH in (len(overdue), len(proven), silent)

    async def _end_windows(self) -> int:
        """Hold what stayed silent, or send it once more; called only while silence means something."""
        async with self._database.transaction() as connection:
            silent = await self._store.silent_attempts(connection, self._windows)
            await self._states.settle(connection, [_resent(*ids) for *ids, resend in silent if resend])
            held = [Move(email_id, State.HELD, SILENT) for _, email_id, resend in silent if not resend]
            await self._states.move(connection, held)
        return len(silent)

    async def expire(self) -> bool:
        """End what waited beyond its deadline."""
        async with self._database.transaction() as connection:
            expired = await self._store.expired_emails(connection)
            moves = [Move(each, State.EXPIRED, PERHAPS if perhaps else EXPIRED) for each, perhaps in expired]
            await self._states.move(connection, moves)
        return len(expired) == BATCH

    async def release(self) -> bool:
        """Let held email go where its claim can send again, and end it where that can never be."""
        full, after = False, None
        while claim_ids := await self._store.claims_with_held(after):
            domains = await self._claims.domains(claim_ids)
            counts = [await self._let_go(each, domains.get(each)) for each in claim_ids]
            full, after = full or BATCH in counts, claim_ids[-1]
        return full

    async def supersede(self) -> bool:
        """Fail what waits, scheduled email included, to leave from a domain that another tenant proved."""
        async with self._database.transaction() as connection:
            waiting = await self._store.superseded_emails(connection)
            moves = [Move(each, State.FAILED, SUPERSEDED) for each in waiting]
            await self._states.move(connection, moves)
        return len(waiting) == BATCH

    async def _let_go(self, claim_id: UUID, domain: Domain | None) -> int:
        answer = Origin.NOT_YOURS if domain is None else origin(domain.standing)
        if answer is Origin.NOT_READY:
            return 0
        can_send = answer in (Origin.OWN, Origin.SHARED)
        to, note = (State.QUEUED, RELEASED) if can_send else (State.FAILED, ENDED[answer])
        async with self._database.transaction() as connection:
            held = await self._store.held_emails(connection, claim_id)
            await self._states.move(connection, [Move(each, to, note) for each in held])
        return len(held)


def _resent(attempt_id: UUID, email_id: UUID) -> Verdict:
    return Verdict(attempt_id, AttemptState.ABANDONED, Move(email_id, State.QUEUED, RESENT))


def _taken_over(place: int, what: Overdue) -> Verdict:
    """Say what becomes of an overdue attempt, the `place`th of those that are taken over with it."""
    if what.begun:
        move = Move(what.email_id, State.UNKNOWN, TAKEN_OVER)
        return Verdict(what.attempt_id, AttemptState.UNKNOWN, move, "taken over: its lease ran out")
    if what.deaths + 1 >= DEADLY:
        move = Move(what.email_id, State.HELD, KILLER, delay=KEPT)
    else:
        delay = NEVER_BEGUN.delay(what.number) + (place * APART if what.deaths else timedelta(0))
        move = Move(what.email_id, State.QUEUED, NEVER_BEGUN.note, delay=delay)
    return Verdict(what.attempt_id, AttemptState.REFUSED, move, NEVER_BEGUN.error)
