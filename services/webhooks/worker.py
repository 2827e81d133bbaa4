"""Makes facts of what arrived and events of facts, a batch in one transaction.

Not for what a notification means (`model`), nor for how it came (`intake`).
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.database import Database
from chassis.errors import ServiceError
from chassis.events import Outbox
from chassis.telemetry import get_logger
from chassis.worker import ClaimLoop
from services.webhooks.events import event_of
from services.webhooks.model import Fact, Malformed, Notification, parse
from services.webhooks.store import FeedbackStore

log = get_logger(__name__)
FACTS = Counter("letterhead_feedback_facts_total", "Facts that SES told us, by kind", ["kind", "outcome"])
PROBLEMS = Counter("letterhead_feedback_problems_total", "Notifications that no fact could be made of")

BATCH = 100
CONCURRENT_BATCHES = 2
IDLE = timedelta(seconds=1)  # what another replica stored, or what a dead one left, waits no longer
MAX_ATTEMPTS = 3


class Understanding:
    """Turns stored notifications into feedback and events."""

    def __init__(self, database: Database, store: FeedbackStore, outbox: Outbox) -> None:
        self._database = database
        self._store = store
        self._outbox = outbox

    async def claim(self, batches: int) -> list[list[Notification]]:
        """Lease so many batches."""
        due = await self._store.claim_notifications(batches * BATCH)
        return [due[start : start + BATCH] for start in range(0, len(due), BATCH)]

    async def step(self, batch: Sequence[Notification]) -> None:
        """Understand a batch; one that cannot be stored does not keep the others back."""
        try:
            await self._understand(batch)
        except ServiceError:
            raise  # Postgres is away or busy: the lease brings the batch back
        except Exception:
            log.exception("a batch was not understood; now one by one", action="feedback_batch_failed")
            for each in batch:
                await self._understand_alone(each)

    async def _understand_alone(self, notification: Notification) -> None:
        try:
            await self._understand([notification])
        except ServiceError:
            raise
        except Exception as error:
            log.exception("not understood", action="notification_failed", notification=str(notification.id))
            if notification.attempts >= MAX_ATTEMPTS:
                await self._give_up(notification, f"It could not be stored: {type(error).__name__}.")

    async def _understand(self, batch: Sequence[Notification]) -> None:
        facts, problems = _read(batch)
        async with self._database.transaction() as connection:
            new = await self._store.add_feedback(connection, facts)
            events = {fact.meaning: event for fact in new if (event := event_of(fact))}
            await self._outbox.write(connection, *events.values())
            # What makes no event is told to sender here: a Send is its evidence that SES accepted an attempt.
            silent = {fact.attempt_id for fact in new if fact.attempt_id and fact.meaning not in events}
            await self._store.notify_attempts(connection, list(silent))
            await self._store.mark_processed(connection, problems)
        _count(facts, new, problems)

    async def _give_up(self, notification: Notification, problem: str) -> None:
        async with self._database.transaction() as connection:
            await self._store.mark_processed(connection, {notification.id: problem})
        PROBLEMS.inc()


def understanding_loop(understanding: Understanding) -> ClaimLoop[list[Notification]]:
    """Make the loop; wake it when something was stored."""
    return ClaimLoop(
        "feedback", understanding.claim, understanding.step, concurrency=CONCURRENT_BATCHES, idle=IDLE
    )


def _read(batch: Sequence[Notification]) -> tuple[list[Fact], dict[UUID, str]]:
    """Parse a batch; gives the facts, and for each notification its problem or ''."""
    facts: list[Fact] = []
    problems: dict[UUID, str] = {}
    for notification in batch:
        problems[notification.id] = ""
        try:
            facts.append(parse(notification.body, notification.received_at))
        except Malformed as error:
            problems[notification.id] = str(error)
    return facts, problems


def _count(facts: Sequence[Fact], new: Sequence[Fact], problems: dict[UUID, str]) -> None:
    fresh = {fact.meaning for fact in new}
    for fact in facts:
        FACTS.labels(fact.kind, "new" if fact.meaning in fresh else "repeated").inc()
    for notification_id, problem in problems.items():
        if problem:
            PROBLEMS.inc()
            log.warning(
                "a notification is no event of SES; it is kept",
                action="notification_malformed",
                notification=str(notification_id),
            )
