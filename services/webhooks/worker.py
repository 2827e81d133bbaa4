"""Processes feedback: turns stored notifications into feedback rows and events, one transaction per batch.

Parsing is in `model`, receiving in `intake`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prometheus_client import Counter

from chassis.database import Connection, Database
from chassis.errors import ServiceError
from chassis.events import Outbox
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger
from services.webhooks.events import event_of
from services.webhooks.model.feedback import FeedbackEvent, Malformed, Notification, parse
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)
FEEDBACK_EVENTS = Counter(
    "letterhead_feedback_events_total", "Feedback events from SES, by kind", ["kind", "outcome"]
)
PROBLEMS = Counter("letterhead_feedback_problems_total", "Notifications that could not be processed")

BATCH = 200
IDLE = timedelta(seconds=1)  # the longest wait for notifications that another replica stored or left behind
MAX_FAILURES = 3
# SES may report one bounce in two formats, with our tags and without, in either order. The one without tags
# waits until an email with its SES id is known, so that the event names that email. After HOLD it is treated
# as feedback about an email that another sender of the AWS account sent.
HOLD = timedelta(seconds=30)
HOLD_STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """The outcome of a batch: its facts, the new ones among them, and each notification's problem or ''."""

    feedback_events: Sequence[FeedbackEvent]
    new: Sequence[FeedbackEvent]
    problems: dict[UUID, str]


class FeedbackProcessor:
    """Turns stored notifications into feedback and events; all effects of a batch are in one transaction."""

    def __init__(self, database: Database, store: FeedbackStore, outbox: Outbox) -> None:
        self._database = database
        self._store = store
        self._outbox = outbox
        self.task = PeriodicTask("feedback processing", self.process, interval=IDLE)

    async def process(self) -> bool:
        """Process the next batch; return whether there may be more.

        If the batch fails, its notifications are processed one by one, so that one cannot block the others.
        """
        leased: list[Notification] = []
        try:
            async with self._database.transaction() as connection:
                leased += await self._store.lease_notifications(connection, BATCH)
                closed = await self._close(connection, leased)
        except ServiceError:
            raise  # Postgres is unavailable or busy
        except Exception as error:  # noqa: BLE001 - the notification that causes it fails again when it is processed alone
            reason = type(error).__name__
            log.warning("feedback batch failed, retrying one by one", action="batch_failed", reason=reason)
            for each in leased:
                await self._process_one(each.id)
        else:
            _count(closed)
        return len(leased) == BATCH

    async def _process_one(self, notification_id: UUID) -> None:
        try:
            async with self._database.transaction() as connection:
                leased = await self._store.lease_notification(connection, notification_id)
                closed = await self._close(connection, leased)
        except ServiceError:
            raise
        except Exception as error:
            log.exception(
                "feedback processing failed", action="notification_failed", notification=str(notification_id)
            )
            await self._record_failure(
                notification_id, f"The notification could not be stored: {type(error).__name__}."
            )
        else:
            _count(closed)

    async def _close(self, connection: Connection, leased: Sequence[Notification]) -> Closed:
        """Store feedback, write its events to the outbox, and mark the notifications as processed."""
        if not leased:
            return Closed((), (), {})
        parsed, problems = _read(leased)
        held = await self._hold(connection, parsed)
        feedback_events = [
            feedback_event for notification, feedback_event in parsed if notification.id not in held
        ]
        problems = {id_: problem for id_, problem in problems.items() if id_ not in held}
        new = await self._store.add_feedback(connection, feedback_events)
        events = {
            feedback_event.meaning: event for feedback_event in new if (event := event_of(feedback_event))
        }
        await self._outbox.write(connection, *events.values())
        # Sender needs a Send as evidence that SES accepted an attempt, but no event is published for it.
        if any(feedback_event.attempt_id and feedback_event.meaning not in events for feedback_event in new):
            await self._store.notify_sender(connection)
        await self._store.mark_processed(connection, problems)
        return Closed(feedback_events, new, problems)

    async def _hold(
        self, connection: Connection, parsed: Sequence[tuple[Notification, FeedbackEvent]]
    ) -> frozenset[UUID]:
        """Postpone notifications that have neither our tags nor a known SES id; return their ids."""
        recent = datetime.now(UTC) - HOLD
        young = [
            (each.id, feedback_event)
            for each, feedback_event in parsed
            if not feedback_event.tagged and each.received_at > recent
        ]
        if not young:
            return frozenset()
        ready = await self._store.attributable(connection, [feedback_event for _, feedback_event in young])
        held = frozenset(id_ for id_, feedback_event in young if feedback_event.meaning not in ready)
        if held:
            await self._store.hold(connection, list(held), HOLD_STEP)
        return held

    async def _record_failure(self, notification_id: UUID, problem: str) -> None:
        """Postpone a notification that failed; after MAX_FAILURES, mark it as processed with its problem."""
        async with self._database.transaction() as connection:
            if await self._store.put_off(connection, notification_id) >= MAX_FAILURES:
                await self._store.mark_processed(connection, {notification_id: problem})
                PROBLEMS.inc()


def _read(batch: Sequence[Notification]) -> tuple[list[tuple[Notification, FeedbackEvent]], dict[UUID, str]]:
    """Parse a batch; return each fact with its notification, and the problem of each notification or ''."""
    parsed: list[tuple[Notification, FeedbackEvent]] = []
    problems: dict[UUID, str] = {}
    for notification in batch:
        problems[notification.id] = ""
        try:
            parsed.append((notification, parse(notification.body, notification.received_at)))
        except Malformed as error:
            problems[notification.id] = str(error)
    return parsed, problems


def _count(closed: Closed) -> None:
    fresh = {feedback_event.meaning for feedback_event in closed.new}
    for feedback_event in closed.feedback_events:
        FEEDBACK_EVENTS.labels(
            feedback_event.kind, "new" if feedback_event.meaning in fresh else "repeated"
        ).inc()
    for notification_id, problem in closed.problems.items():
        if problem:
            PROBLEMS.inc()
            log.warning(
                "notification is not an SES event, stored without processing",
                action="notification_malformed",
                notification=str(notification_id),
            )
