"""Makes facts of what arrived and events of facts, a batch in one transaction.

Not for what a notification means (`model`), nor for how it came (`intake`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.database import Connection, Database
from chassis.errors import ServiceError
from chassis.events import Outbox
from chassis.rounds import Rounds
from chassis.telemetry import get_logger
from services.webhooks.events import event_of
from services.webhooks.model.facts import Fact, Malformed, Notification, parse
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)
FACTS = Counter("letterhead_feedback_facts_total", "Facts that SES told us, by kind", ["kind", "outcome"])
PROBLEMS = Counter("letterhead_feedback_problems_total", "Notifications that no fact could be made of")

BATCH = 200
IDLE = timedelta(seconds=1)  # what another replica stored, or what a dead one left, waits no longer
MAX_FAILURES = 3
# SES may report one bounce in two forms, with our tags and without, in either order. The form without tags
# waits until an email with its SES id is known, so that the event names that email. After HOLD it counts as
# an email of another sender of the account.
HOLD = timedelta(seconds=30)
HOLD_STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """What came of a batch: its facts, those of them that were not known, and each notification's problem."""

    facts: Sequence[Fact]
    new: Sequence[Fact]
    problems: dict[UUID, str]


class Understanding:
    """Turns stored notifications into feedback and events; nothing that it does leaves the transaction."""

    def __init__(self, database: Database, store: FeedbackStore, outbox: Outbox) -> None:
        self._database = database
        self._store = store
        self._outbox = outbox
        self.rounds = Rounds("understanding feedback", self.understand, interval=IDLE)

    async def understand(self) -> bool:
        """Understand the next batch; says whether there is more. One bad one does not keep others back."""
        taken: list[Notification] = []
        try:
            async with self._database.transaction() as connection:
                taken += await self._store.claim_notifications(connection, BATCH)
                closed = await self._close(connection, taken)
        except ServiceError:
            raise  # Postgres is away or busy
        except Exception as error:  # noqa: BLE001 - whatever it is, it shows again when each is alone
            reason = type(error).__name__
            log.warning("a batch was not understood; now one by one", action="batch_parted", reason=reason)
            for each in taken:
                await self._understand_alone(each.id)
        else:
            _count(closed)
        return len(taken) == BATCH

    async def _understand_alone(self, notification_id: UUID) -> None:
        try:
            async with self._database.transaction() as connection:
                taken = await self._store.claim_notification(connection, notification_id)
                closed = await self._close(connection, taken)
        except ServiceError:
            raise
        except Exception as error:
            log.exception("not understood", action="notification_failed", notification=str(notification_id))
            await self._put_off(notification_id, f"It could not be stored: {type(error).__name__}.")
        else:
            _count(closed)

    async def _close(self, connection: Connection, taken: Sequence[Notification]) -> Closed:
        """Keep the facts, write their events, and close what they came by."""
        if not taken:
            return Closed((), (), {})
        parsed, problems = _read(taken)
        held = await self._hold(connection, parsed)
        facts = [fact for notification, fact in parsed if notification.id not in held]
        problems = {id_: problem for id_, problem in problems.items() if id_ not in held}
        new = await self._store.add_feedback(connection, facts)
        events = {fact.meaning: event for fact in new if (event := event_of(fact))}
        await self._outbox.write(connection, *events.values())
        # What makes no event is told to sender here: a Send is its evidence that SES accepted an attempt.
        if any(fact.attempt_id and fact.meaning not in events for fact in new):
            await self._store.notify_sender(connection)
        await self._store.mark_processed(connection, problems)
        return Closed(facts, new, problems)

    async def _hold(
        self, connection: Connection, parsed: Sequence[tuple[Notification, Fact]]
    ) -> frozenset[UUID]:
        """Leave for later what has neither our tags nor an SES id that we know yet; return those."""
        recent = datetime.now(UTC) - HOLD
        young = [(each.id, fact) for each, fact in parsed if not fact.tagged and each.received_at > recent]
        if not young:
            return frozenset()
        ready = await self._store.attributable(connection, [fact for _, fact in young])
        held = frozenset(id_ for id_, fact in young if fact.meaning not in ready)
        if held:
            await self._store.hold(connection, list(held), HOLD_STEP)
        return held

    async def _put_off(self, notification_id: UUID, problem: str) -> None:
        """Let one rest that failed, or close it with its problem when it has failed too often."""
        async with self._database.transaction() as connection:
            if await self._store.put_off(connection, notification_id) >= MAX_FAILURES:
                await self._store.mark_processed(connection, {notification_id: problem})
                PROBLEMS.inc()


def _read(batch: Sequence[Notification]) -> tuple[list[tuple[Notification, Fact]], dict[UUID, str]]:
    """Parse a batch; return the fact of each that has one, and the problem of each notification or ''."""
    parsed: list[tuple[Notification, Fact]] = []
    problems: dict[UUID, str] = {}
    for notification in batch:
        problems[notification.id] = ""
        try:
            parsed.append((notification, parse(notification.body, notification.received_at)))
        except Malformed as error:
            problems[notification.id] = str(error)
    return parsed, problems


def _count(closed: Closed) -> None:
    fresh = {fact.meaning for fact in closed.new}
    for fact in closed.facts:
        FACTS.labels(fact.kind, "new" if fact.meaning in fresh else "repeated").inc()
    for notification_id, problem in closed.problems.items():
        if problem:
            PROBLEMS.inc()
            log.warning(
                "a notification is no event of SES; it is kept",
                action="notification_malformed",
                notification=str(notification_id),
            )
