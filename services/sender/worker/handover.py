"""Hands claimed emails to SES: writes the bytes, waits for a turn, posts once, and settles what came of it.

Emails are claimed, given turns, begun and settled many at once; a step is one email's. It may die anywhere:
its attempt row stands, and `upkeep` takes it over when the lease has run out.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from prometheus_client import Counter

from chassis.bucket import RateBucket
from chassis.database import Database
from chassis.telemetry import get_logger
from chassis.threads import Executor
from chassis.worker import ClaimLoop
from services.sender.model import mime, posting
from services.sender.model.account import Account
from services.sender.model.answers import NO_SLOT, Answer, Refused, Then
from services.sender.model.emails import Content
from services.sender.model.posting import Posting
from services.sender.proofreading.agreement import disagreements
from services.sender.ses import CONNECT_TIMEOUT, READ_TIMEOUT, Ses
from services.sender.store.claims import LEASE, ClaimStore
from services.sender.store.emails import Place
from services.sender.store.states import EmailStates
from services.sender.worker.beginnings import Beginnings
from services.sender.worker.settlement import Settlement
from services.sender.worker.turns import Turns

log = get_logger(__name__)
POSTS = Counter("letterhead_sender_posts_total", "Requests to SES by what came of them", ["outcome"])

# After this a POST might outlive its lease; an email that has no turn by then is queued again.
PATIENCE = LEASE - CONNECT_TIMEOUT - READ_TIMEOUT - timedelta(seconds=3)
# A little under SES's rate, so that the network's jitter does not push two emails into one slot.
PACE = 0.98
LEAST_RATE = 0.1  # should SES ever say less
# Seconds of sending that one worker claims ahead: whoever comes meanwhile waits behind them.
AHEAD = 0.5
# Emails that one worker claims ahead, for each POST at once: so that a claim is worth its transaction.
DEPTH = 4
GATHER = timedelta(milliseconds=10)  # emails accepted in this time are claimed together
IDLE = timedelta(seconds=1)  # how soon an email is claimed whose rest is over, or whose NOTIFY was lost
MISREAD = Refused(Then.FAIL, "It cannot be written so that every reader reads the same; nothing was sent.")

NOT_BEGUN = Refused(Then.RETRY, "It could not be begun; nothing was sent, and it is tried again.")


class Gate:
    """Closed for a while when SES refuses everyone: no email is claimed only to be refused."""

    def __init__(self) -> None:
        self._opens_at = 0.0

    @property
    def closed(self) -> bool:
        return time.monotonic() < self._opens_at

    def close(self, pause: timedelta) -> None:
        """Stay closed for at least this long."""
        self._opens_at = max(self._opens_at, time.monotonic() + pause.total_seconds())


class Worker:
    """Claims and steps of one process, which posts at most `threads` at once."""

    def __init__(
        self,
        database: Database,
        claims: ClaimStore,
        states: EmailStates,
        ses: Ses,
        *,
        executor: Executor,
        threads: int,
        place: Place,
    ) -> None:
        self._claims = claims
        self._ses = ses
        self._executor = executor
        self._lines = asyncio.Semaphore(threads)
        self._desk = asyncio.Lock()
        self._most = threads * DEPTH
        self._turns = Turns(
            RateBucket(database), f"ses-send:{place.account}:{place.region}", patience=PATIENCE
        )
        self._beginnings = Beginnings(claims)
        self._settlement = Settlement(database, states)
        self._account = Account()
        self._gate = Gate()
        self._in_flight = 0
        self._queue_is_long = False
        self.loop = ClaimLoop("sending", self.claim, self.step, concurrency=self._most, idle=IDLE)

    async def claim(self, _: int) -> Sequence[tuple[Posting, float]]:
        """Claim what can be sent soon, each with the moment (monotonic) by which its POST must begin."""
        if self._gate.closed or not self._room:
            return ()
        await asyncio.sleep(GATHER.total_seconds())
        self._account = await self._claims.account()
        room = self._room
        if self._account.obstacle or not room:
            return ()
        begin_by = time.monotonic() + PATIENCE.total_seconds()
        taken = await self._claims.claim(room)
        self._in_flight += len(taken.postings)
        self._queue_is_long = taken.full
        self._go_on()
        return [(each, begin_by) for each in taken.postings]

    @property
    def _room(self) -> int:
        """How many to claim now; none until half of what may be ahead is free."""
        ahead = min(self._most, max(1, round(self._account.max_send_rate * AHEAD)))
        free = ahead - self._in_flight
        return free if free * 2 >= ahead else 0

    async def step(self, claimed: tuple[Posting, float]) -> None:
        """Hand one email over and settle what came of it."""
        what, begin_by = claimed
        try:
            await self._settle(what, await self._hand_over(what, begin_by))
        finally:
            self._in_flight -= 1
            self._go_on()

    def _go_on(self) -> None:
        """Claim again at once where that is worth it: of those claimed, some may have moved elsewhere."""
        if self._queue_is_long and self._room:
            self.loop.wake()

    async def _hand_over(self, what: Posting, begin_by: float) -> Answer:
        async with self._line(what) as written:
            try:
                content = await self._written(what, begin_by)
                await written()
                if isinstance(content, Refused):
                    return content
                if not await self._turn(what, begin_by):
                    return NO_SLOT
                if not await self._beginnings.begin(what.attempt_id):
                    return NOT_BEGUN
            except Exception:  # whatever it is, nothing has left yet
                log.exception("not begun", action="post_not_begun", **_ids(what))
                return NOT_BEGUN
            return await self._executor.run(self._ses.post, posting.post(what, content))

    @asynccontextmanager
    async def _line(self, what: Posting) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold a line; for what is heavy the desk as well, until it is said to be written.

        To write 40 MB and to read them again takes seconds, so one at a time does: of several that share them
        none would be done in time. The others wait for the desk without keeping a line from anybody.
        """
        async with AsyncExitStack() as desk:
            if what.candidate.heavy:
                await desk.enter_async_context(self._desk)
            async with self._lines:
                yield desk.aclose

    async def _written(self, what: Posting, begin_by: float) -> bytes | Refused:
        """Write the bytes, or say why there are none; what is heavy beside the loop, on which all wait."""
        candidate = what.candidate
        if not candidate.heavy:
            return _proofread(what, candidate.content)
        if time.monotonic() >= begin_by:
            return NO_SLOT
        # It is read only now: memory holds no more of it than is being handed over.
        return await self._executor.run(_proofread, what, await self._claims.content(candidate.id))

    async def _turn(self, what: Posting, begin_by: float) -> bool:
        """Wait for a slot for every recipient, as SES counts them; false when it would be too late."""
        if time.monotonic() >= begin_by:
            return False
        rate = max(self._account.max_send_rate, LEAST_RATE) * PACE
        wait = await self._turns.take(len(what.recipients), rate=rate)
        if wait is None or time.monotonic() + wait.total_seconds() > begin_by:
            return False
        await asyncio.sleep(wait.total_seconds())
        return True

    async def _settle(self, what: Posting, answer: Answer) -> None:
        outcome = type(answer).__name__.lower()
        POSTS.labels(outcome).inc()
        if isinstance(answer, Refused) and answer.everyone:
            self._gate.close(answer.delay(1))
        changed = await self._settlement.settle(posting.verdict(what, answer))
        log.info("settled", action="attempt_settled", outcome=outcome, changed=changed, **_ids(what))


def _proofread(what: Posting, content: Content) -> bytes | Refused:
    """Write the bytes; refuses what another reader would read otherwise than it is meant."""
    letter = posting.letter(what, content)
    written = mime.build(letter)
    if problems := disagreements(letter, written):
        log.error("readers disagree", action="email_misread", problems=problems, **_ids(what))
        return MISREAD
    return written


def _ids(what: Posting) -> dict[str, str]:
    return {"email_id": str(what.candidate.id), "attempt_id": str(what.attempt_id)}
