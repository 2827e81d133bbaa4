"""Submits dequeued emails to SES: builds the MIME message, waits for a send slot, posts once, resolves.

Leases, send slots, attempt starts and resolutions are batched; a step handles one email. The process may die
at any point: the attempt row remains, and `upkeep` takes it over once its lease has expired.
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
from chassis.worker import LeaseLoop
from services.sender.mime_verification.agreement import disagreements
from services.sender.model import mime, posting
from services.sender.model.account import Account
from services.sender.model.answers import NO_SLOT, Answer, Rejected, Then
from services.sender.model.emails import Content
from services.sender.model.posting import Posting
from services.sender.ses import CONNECT_TIMEOUT, READ_TIMEOUT, Ses
from services.sender.store.emails import SesRegion
from services.sender.store.queue import LEASE, QueueStore
from services.sender.store.states import EmailStates
from services.sender.worker.attempt_starts import AttemptStarts
from services.sender.worker.resolution import AttemptResolution
from services.sender.worker.send_slots import SendSlots

log = get_logger(__name__)
POSTS = Counter("letterhead_sender_posts_total", "Requests to SES by outcome", ["outcome"])

# A POST that starts later than this might outlive its lease, so an email without a send slot by then is
# queued again.
PATIENCE = LEASE - CONNECT_TIMEOUT - READ_TIMEOUT - timedelta(seconds=3)
# Slightly below SES's rate, so that network jitter does not push two emails into one send slot.
PACE = 0.98
LEAST_RATE = 0.1  # recipients per second, in case SES ever reports less
# Seconds of sending that one worker dequeues ahead. New email waits behind what was dequeued before, so this
# also bounds that delay.
AHEAD = 0.5
# Emails that one worker dequeues ahead for each concurrent POST, to make a lease transaction worth its cost.
DEPTH = 4
BATCH_WINDOW = timedelta(milliseconds=10)  # emails accepted within this time are dequeued together
IDLE = timedelta(seconds=1)  # poll interval, for emails whose retry is due or whose NOTIFY was lost
PARSERS_DISAGREE = Rejected(
    Then.FAIL, "Its MIME message would not be parsed the same way by every mail client; nothing was sent."
)

NOT_STARTED = Rejected(
    Then.RETRY, "The attempt could not be started; nothing was sent, and it will be retried."
)


class Gate:
    """Stops dequeuing for a while when SES rejects every email."""

    def __init__(self) -> None:
        self._opens_at = 0.0

    @property
    def closed(self) -> bool:
        """Return whether the gate is closed now."""
        return time.monotonic() < self._opens_at

    def close(self, pause: timedelta) -> None:
        """Stay closed for at least this long."""
        self._opens_at = max(self._opens_at, time.monotonic() + pause.total_seconds())


class Worker:
    """Dequeues and submits the emails of one process, with at most `threads` concurrent POSTs."""

    def __init__(
        self,
        database: Database,
        claims: QueueStore,
        states: EmailStates,
        ses: Ses,
        *,
        executor: Executor,
        threads: int,
        ses_region: SesRegion,
    ) -> None:
        self._claims = claims
        self._ses = ses
        self._executor = executor
        self._post_slots = asyncio.Semaphore(threads)
        self._build_lock = asyncio.Lock()
        self._most = threads * DEPTH
        self._send_slots = SendSlots(
            RateBucket(database), f"ses-send:{ses_region.account}:{ses_region.region}", patience=PATIENCE
        )
        self._attempt_starts = AttemptStarts(claims)
        self._resolution = AttemptResolution(database, states)
        self._account = Account()
        self._gate = Gate()
        self._in_flight = 0
        self._queue_is_long = False
        self.loop = LeaseLoop("sending", self.claim, self.step, concurrency=self._most, idle=IDLE)

    async def claim(self, _: int) -> Sequence[tuple[Posting, float]]:
        """Lease emails that can be sent soon; return each with the monotonic deadline to start its POST."""
        if self._gate.closed or not self._room:
            return ()
        await asyncio.sleep(BATCH_WINDOW.total_seconds())
        self._account = await self._claims.account()
        room = self._room
        if self._account.obstacle or not room:
            return ()
        begin_by = time.monotonic() + PATIENCE.total_seconds()
        taken = await self._claims.claim(room)
        self._in_flight += len(taken.postings)
        self._queue_is_long = taken.full
        self._claim_more()
        return [(each, begin_by) for each in taken.postings]

    @property
    def _room(self) -> int:
        """Return how many emails to lease now: none until half of what may be leased ahead is free."""
        ahead = min(self._most, max(1, round(self._account.max_send_rate * AHEAD)))
        free = ahead - self._in_flight
        return free if free * 2 >= ahead else 0

    async def step(self, claimed: tuple[Posting, float]) -> None:
        """Submit one email and resolve its attempt."""
        what, begin_by = claimed
        try:
            await self._resolve(what, await self._submit(what, begin_by))
        finally:
            self._in_flight -= 1
            self._claim_more()

    def _claim_more(self) -> None:
        """Lease again at once if more emails are waiting and there is room for them."""
        if self._queue_is_long and self._room:
            self.loop.wake()

    async def _submit(self, what: Posting, begin_by: float) -> Answer:
        async with self._post_slot(what) as written:
            try:
                content = await self._written(what, begin_by)
                await written()
                if isinstance(content, Rejected):
                    return content
                if not await self._send_slot(what, begin_by):
                    return NO_SLOT
                if not await self._attempt_starts.begin(what.attempt_id):
                    return NOT_STARTED
            except Exception:  # nothing was posted yet, so any failure is safe to retry
                log.exception("failed to start the attempt", action="post_not_started", **_ids(what))
                return NOT_STARTED
            return await self._executor.run(self._ses.post, posting.post(what, content))

    @asynccontextmanager
    async def _post_slot(self, what: Posting) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold one of the POST slots; for a heavy email also the build lock, until the yielded call frees it.

        Building and verifying a 40 MB message takes seconds of CPU, so one heavy email is built at a time: if
        several shared the CPU, none would be done before its deadline. The others wait for the build lock
        before they take a POST slot, so that they do not delay small emails.
        """
        async with AsyncExitStack() as build_lock:
            if what.candidate.heavy:
                await build_lock.enter_async_context(self._build_lock)
            async with self._post_slots:
                yield build_lock.aclose

    async def _written(self, what: Posting, begin_by: float) -> bytes | Rejected:
        """Return the MIME message or why it cannot be sent; heavy ones are built off the event loop."""
        candidate = what.candidate
        if not candidate.heavy:
            return _verified_mime(what, candidate.content)
        if time.monotonic() >= begin_by:
            return NO_SLOT
        # Read the content as late as possible, so that memory holds only the heavy email being submitted.
        return await self._executor.run(_verified_mime, what, await self._claims.content(candidate.id))

    async def _send_slot(self, what: Posting, begin_by: float) -> bool:
        """Wait for a send slot per recipient, as SES counts them; return False if it would be too late."""
        if time.monotonic() >= begin_by:
            return False
        rate = max(self._account.max_send_rate, LEAST_RATE) * PACE
        wait = await self._send_slots.take(len(what.recipients), rate=rate)
        if wait is None or time.monotonic() + wait.total_seconds() > begin_by:
            return False
        await asyncio.sleep(wait.total_seconds())
        return True

    async def _resolve(self, what: Posting, answer: Answer) -> None:
        outcome = type(answer).__name__.lower()
        POSTS.labels(outcome).inc()
        if isinstance(answer, Rejected) and answer.everyone:
            self._gate.close(answer.delay(1))
        changed = await self._resolution.resolve(posting.outcome(what, answer))
        log.info(
            "attempt resolved", action="attempt_resolved", outcome=outcome, changed=changed, **_ids(what)
        )


def _verified_mime(what: Posting, content: Content) -> bytes | Rejected:
    """Return the MIME message, or PARSERS_DISAGREE if the parsers disagree on it."""
    message = posting.message(what, content)
    written = mime.build(message)
    if problems := disagreements(message, written):
        log.error(
            "parsers disagree on the MIME message", action="email_misread", problems=problems, **_ids(what)
        )
        return PARSERS_DISAGREE
    return written


def _ids(what: Posting) -> dict[str, str]:
    return {"email_id": str(what.candidate.id), "attempt_id": str(what.attempt_id)}
