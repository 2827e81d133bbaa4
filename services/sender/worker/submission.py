"""Submits emails to SES: leases them, builds their MIME messages, waits for send slots, posts once, resolves.

Leases, send slots, attempt starts and resolutions are batched; a step handles one email. The process may die
at any point: the attempt row remains, and `resolution` takes it over once its lease has expired.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from uuid import UUID

from chassis.batcher import Batcher
from chassis.database import Database
from chassis.errors import Aborted, DeadlineExceeded, ServiceError, Unavailable
from chassis.memory import BodyMemory
from chassis.regions import SesRegion
from chassis.telemetry import get_logger
from chassis.threads import Executor
from chassis.worker import LeaseLoop
from services.sender.metrics import POSTS
from services.sender.mime_verification.agreement import disagreements
from services.sender.model import mime, posting
from services.sender.model.account import Account
from services.sender.model.emails import Content
from services.sender.model.posting import Answer, Posting, Rejected, Then
from services.sender.model.reasons import EmailReason
from services.sender.model.states import Outcome
from services.sender.ses import TIMEOUTS, Ses
from services.sender.store.queue import HEAVY, LEASE, QueueStore
from services.sender.store.states import EmailStates
from services.sender.worker.send_slots import SendSlots

log = get_logger(__name__)

# A POST that starts later than this might outlive its lease, so an email without a send slot by then is
# queued again.
PATIENCE = LEASE - TIMEOUTS.connect - TIMEOUTS.read - timedelta(seconds=3)
# Bytes of memory per byte of a heavy email while it is built and verified, and then until SES has answered:
# measured with a file of 27 MB.
BUILD_COPIES, POST_COPIES = 12, 6
# Seconds of sending that one worker dequeues ahead. New email waits behind what was dequeued before, so this
# also bounds that delay.
AHEAD = 0.5
# Emails that one worker dequeues ahead for each concurrent POST, to make a lease transaction worth its cost.
DEPTH = 4
BATCH_WINDOW = timedelta(milliseconds=10)  # emails accepted within this time are dequeued together
IDLE = timedelta(seconds=1)  # poll interval, for emails whose retry is due or whose NOTIFY was lost
MOST = 100  # attempts per statement that starts or resolves them
RESOLVE_PAUSE = 0.01  # seconds to collect more outcomes while many arrive
RESOLVE_FOR = timedelta(seconds=60)
RESOLVE_AGAIN = timedelta(seconds=0.5)

PARSERS_DISAGREE = Rejected(Then.FAIL, EmailReason.PARSERS_DISAGREE)
NO_SLOT = Rejected(Then.RETRY, EmailReason.SEND_SLOT_MISSED, longest=timedelta(seconds=4))
NOT_STARTED = Rejected(Then.RETRY, EmailReason.ATTEMPT_NOT_STARTED)


class Worker:
    """Leases and submits a region's emails in one process, with at most `threads` concurrent POSTs."""

    def __init__(
        self,
        database: Database,
        queue: QueueStore,
        states: EmailStates,
        ses: Ses,
        *,
        executor: Executor,
        threads: int,
        ses_region: SesRegion,
        memory: BodyMemory,
    ) -> None:
        self._queue = queue
        self._memory = memory.work
        self._ses = ses
        self._executor = executor
        self._post_slots = asyncio.Semaphore(threads)
        self._build_lock = asyncio.Lock()
        self._most = threads * DEPTH
        self._region = ses_region.region
        self._send_slots = SendSlots(database, ses_region, patience=PATIENCE)
        self._attempts = Attempts(database, queue, states)
        self._account = Account()
        self._paused_until = 0.0  # by the monotonic clock; set when SES rejects every email
        self._in_flight = 0
        self._queue_is_long = False
        self.loop = LeaseLoop("sending", self.lease, self.step, concurrency=self._most, idle=IDLE)

    async def lease(self, _: int) -> Sequence[tuple[Posting, float]]:
        """Lease emails that can be sent soon; return each with the monotonic deadline to start its POST."""
        if time.monotonic() < self._paused_until or not self._lease_size:
            return ()
        await asyncio.sleep(BATCH_WINDOW.total_seconds())
        self._account = await self._queue.account()
        lease_size = self._lease_size
        if self._account.obstacle or not lease_size:
            return ()
        leased_at = time.monotonic()
        taken = await self._queue.claim(lease_size)
        self._in_flight += len(taken.postings)
        self._queue_is_long = taken.full
        self._lease_more()
        return [(each, leased_at + _patience(each).total_seconds()) for each in taken.postings]

    @property
    def _lease_size(self) -> int:
        """Return how many emails to lease now: none until half of what may be leased ahead is free."""
        ahead = min(self._most, max(1, round(self._account.max_send_rate * AHEAD)))
        free = ahead - self._in_flight
        return free if free * 2 >= ahead else 0

    def _lease_more(self) -> None:
        """Lease again at once if more emails are waiting and there is room for them."""
        if self._queue_is_long and self._lease_size:
            self.loop.wake()

    async def step(self, leased: tuple[Posting, float]) -> None:
        """Submit one email and resolve its attempt."""
        what, begin_by = leased
        try:
            await self._resolve(what, await self._submit(what, begin_by))
        finally:
            self._in_flight -= 1
            self._lease_more()

    async def _submit(self, what: Posting, begin_by: float) -> Answer:
        async with self._post_slot(what) as built:
            try:
                content = await self._mime(what, begin_by)
                await built()
                if isinstance(content, Rejected):
                    return content
                if not await self._send_slot(what, begin_by):
                    return NO_SLOT
                if not await self._attempts.start(what.attempt_id):
                    return NOT_STARTED
            except Exception:  # nothing was posted yet, so any failure is safe to retry
                log.exception("failed to start the attempt", action="post_not_started", **_ids(what))
                return NOT_STARTED
            return await self._executor.run(self._ses.post, posting.post(what, content))

    @asynccontextmanager
    async def _post_slot(self, what: Posting) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold one of the POST slots; for a heavy email also memory and, until `built`, the build lock.

        Building and verifying a 40 MB message takes seconds of CPU, so one heavy email is built at a time: if
        several shared the CPU, none would be done before its deadline. The others wait for the build lock and
        for memory before they take a POST slot, so that they do not delay small emails.
        """
        size = what.candidate.size if what.candidate.heavy else 0
        async with AsyncExitStack() as build_lock:
            if size:
                await build_lock.enter_async_context(self._build_lock)
            with await self._memory.reserve(size * BUILD_COPIES) as memory:

                async def built() -> None:
                    memory.shrink(size * POST_COPIES)
                    await build_lock.aclose()

                async with self._post_slots:
                    yield built

    async def _mime(self, what: Posting, begin_by: float) -> bytes | Rejected:
        """Return the MIME message or why it cannot be sent; heavy ones are built off the event loop."""
        candidate = what.candidate
        if not candidate.heavy:
            return _verified_mime(what, candidate.content)
        if time.monotonic() >= begin_by:
            return NO_SLOT
        # Read the content as late as possible, so that memory holds only the heavy email being submitted.
        return await self._executor.run(_verified_mime, what, await self._queue.content(candidate.id))

    async def _send_slot(self, what: Posting, begin_by: float) -> bool:
        """Wait for a send slot; return False if it would be too late."""
        if time.monotonic() >= begin_by:
            return False
        wait = await self._send_slots.take(len(what.recipients), self._account)
        if wait is None or time.monotonic() + wait.total_seconds() > begin_by:
            return False
        await asyncio.sleep(wait.total_seconds())
        return True

    async def _resolve(self, what: Posting, answer: Answer) -> None:
        outcome = type(answer).__name__.lower()
        POSTS.labels(self._region, outcome).inc()
        if isinstance(answer, Rejected) and answer.everyone:
            pause = answer.delay(1).total_seconds()
            self._paused_until = max(self._paused_until, time.monotonic() + pause)
        changed = await self._attempts.resolve(posting.outcome(what, answer))
        log.info(
            "attempt resolved", action="attempt_resolved", outcome=outcome, changed=changed, **_ids(what)
        )


class Attempts:
    """Starts and resolves the attempts of one process, those at about the same time in one statement."""

    def __init__(self, database: Database, queue: QueueStore, states: EmailStates) -> None:
        self._database = database
        self._queue = queue
        self._states = states
        self._starts = Batcher(self._start, most=MOST)
        self._outcomes = Batcher(self._resolve, most=MOST, pause=RESOLVE_PAUSE)

    async def start(self, attempt_id: UUID) -> bool:
        """Record the start of an attempt; return whether it still has its lease and may be posted.

        If this process dies, the record tells attempts that may have been posted from those that were not
        and can safely be repeated.
        """
        return await self._starts.submit(attempt_id)

    async def _start(self, attempt_ids: Sequence[UUID]) -> Sequence[bool]:
        started = await self._queue.begin(attempt_ids)
        return [each in started for each in attempt_ids]

    async def resolve(self, outcome: Outcome) -> bool:
        """Resolve one attempt, retrying for a minute if Postgres fails; return whether its email changed."""
        give_up = time.monotonic() + RESOLVE_FOR.total_seconds()
        while True:
            try:
                return await self._outcomes.submit(outcome)
            except (Unavailable, Aborted, DeadlineExceeded):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(RESOLVE_AGAIN.total_seconds())

    async def _resolve(self, outcomes: Sequence[Outcome]) -> Sequence[bool]:
        """Resolve all in one transaction; if one of them makes it fail, each in its own."""
        emails = [outcome.move.email_id for outcome in outcomes]
        if len(set(emails)) == len(emails):  # one statement can move an email only once
            try:
                return await self._together(outcomes)
            except ServiceError:
                raise
            except Exception:
                if len(outcomes) == 1:
                    raise
        return [changed for outcome in outcomes for changed in await self._together([outcome])]

    async def _together(self, outcomes: Sequence[Outcome]) -> list[bool]:
        async with self._database.transaction() as connection:
            moved = {each.id for each in await self._states.resolve(connection, outcomes)}
        return [outcome.move.email_id in moved for outcome in outcomes]


def _patience(what: Posting) -> timedelta:
    """Return how long after its lease the POST of an email may start."""
    return PATIENCE + HEAVY if what.candidate.heavy else PATIENCE


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
