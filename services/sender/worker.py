"""Hands claimed emails to SES: waits for a turn, writes the bytes, posts once, and settles what came of it.

A step may die anywhere: its attempt row stands, and `upkeep` takes it over when the lease has run out.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import Counter

from chassis.bucket import RateBucket
from chassis.database import Database
from chassis.errors import Aborted, Unavailable
from chassis.telemetry import get_logger
from chassis.threads import Executor
from services.sender import mime, posting, proofreading
from services.sender.account import Account
from services.sender.answers import NO_SLOT, Answer, Refused, Then
from services.sender.posting import Posting
from services.sender.ses import CONNECT_TIMEOUT, READ_TIMEOUT, Ses
from services.sender.store_claims import LEASE, ClaimStore
from services.sender.store_emails import Place
from services.sender.store_states import EmailStates

log = get_logger(__name__)
POSTS = Counter("letterhead_sender_posts_total", "Requests to SES by what came of them", ["outcome"])

# After this a POST might outlive its lease; an email that has no turn by then is queued again.
PATIENCE = LEASE - CONNECT_TIMEOUT - READ_TIMEOUT - timedelta(seconds=3)
# A little under SES's rate, so that the network's jitter does not push two emails into one slot.
PACE = 0.98
LEAST_RATE = 0.1  # should SES ever say less
# Seconds of sending that one worker claims ahead: more would only wait, and be taken from other replicas.
AHEAD = 3.0
SETTLE_FOR = timedelta(seconds=60)
SETTLE_AGAIN = timedelta(seconds=0.5)
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
    """Claims and steps of one process."""

    def __init__(
        self,
        database: Database,
        claims: ClaimStore,
        states: EmailStates,
        ses: Ses,
        *,
        executor: Executor,
        place: Place,
    ) -> None:
        self._database = database
        self._claims = claims
        self._states = states
        self._ses = ses
        self._executor = executor
        self._bucket = RateBucket(database)
        self._bucket_key = f"ses-send:{place.account}:{place.region}"
        self._account = Account()
        self._gate = Gate()
        self._in_flight = 0

    async def claim(self, free: int) -> Sequence[tuple[Posting, float]]:
        """Claim what can be sent soon, each with the moment (monotonic) by which its POST must begin."""
        if self._gate.closed:
            return ()
        self._account = await self._claims.account()
        ahead = max(1, round(self._account.max_send_rate * AHEAD)) - self._in_flight
        if self._account.obstacle or ahead < 1:
            return ()
        begin_by = time.monotonic() + PATIENCE.total_seconds()
        postings = await self._claims.claim(min(free, ahead))
        self._in_flight += len(postings)
        return [(each, begin_by) for each in postings]

    async def step(self, claimed: tuple[Posting, float]) -> None:
        """Hand one email over and settle what came of it."""
        what, begin_by = claimed
        try:
            answer = await self._hand_over(what, begin_by)
            await self._settle(what, answer)
        finally:
            self._in_flight -= 1

    async def _hand_over(self, what: Posting, begin_by: float) -> Answer:
        try:
            content = _written(what)
            wait = await self._turn(what)
        except Exception:  # whatever it is, nothing has left yet
            log.exception("not begun", action="post_not_begun", **_ids(what))
            return NOT_BEGUN
        if content is None:
            return MISREAD
        if wait is None or time.monotonic() + wait.total_seconds() > begin_by:
            return NO_SLOT
        await asyncio.sleep(wait.total_seconds())
        return await self._executor.run(self._ses.post, posting.post(what, content))

    async def _turn(self, what: Posting) -> timedelta | None:
        """Reserve a slot for every recipient; SES counts them, not requests."""
        rate = max(self._account.max_send_rate, LEAST_RATE) * PACE
        cost = len(what.recipients)
        capacity = max(1.0, rate / 2, float(cost))
        return await self._bucket.take(
            self._bucket_key, rate=rate, capacity=capacity, cost=cost, patience=PATIENCE
        )

    async def _settle(self, what: Posting, answer: Answer) -> None:
        """Write down what came of it; while Postgres is away, try again for as long as it makes sense."""
        POSTS.labels(type(answer).__name__.lower()).inc()
        if isinstance(answer, Refused) and answer.everyone:
            self._gate.close(answer.delay(1))
        give_up = time.monotonic() + SETTLE_FOR.total_seconds()
        while True:
            try:
                return await self._settle_once(what, answer)
            except (Unavailable, Aborted):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(SETTLE_AGAIN.total_seconds())

    async def _settle_once(self, what: Posting, answer: Answer) -> None:
        async with self._database.transaction() as connection:
            moved = await self._states.settle(connection, [posting.verdict(what, answer)])
        outcome = type(answer).__name__.lower()
        log.info("settled", action="attempt_settled", outcome=outcome, changed=bool(moved), **_ids(what))


def _written(what: Posting) -> bytes | None:
    """Write the bytes; None when another reader would read them otherwise than they are meant."""
    letter = posting.letter(what)
    content = mime.build(letter)
    if problems := proofreading.disagreements(letter, content):
        log.error("readers disagree", action="email_misread", problems=problems, **_ids(what))
        return None
    return content


def _ids(what: Posting) -> dict[str, str]:
    return {"email_id": str(what.candidate.id), "attempt_id": str(what.attempt_id)}
