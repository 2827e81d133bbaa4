"""Processes feedback: turns stored notifications into feedback rows and events, one transaction per batch.

Parsing is in `model`, receiving in `intake`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chassis.database import Connection, Database
from chassis.errors import ServiceError
from chassis.events import Outbox
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger
from services.webhooks.events import event_of
from services.webhooks.metrics import FEEDBACK_EVENTS, PROBLEMS
from services.webhooks.model.feedback import FeedbackEvent, Malformed, Notification, parse, problem_of
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)

BATCH = 200
IDLE = timedelta(seconds=1)  # the longest wait for notifications that another replica stored or left behind
MAX_FAILURES = 3
# SES may report one bounce in two formats, with our tags and without, in either order. The one without tags
# waits until an email with its SES id is known, so that the event names that email. After HOLD it is treated
# as feedback about an email that another sender of the AWS account sent.
HOLD = timedelta(seconds=30)
HOLD_STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a batch: its events, the new ones among them, and each notification's problem or ''."""

    feedback_events: Sequence[FeedbackEvent] = ()
    new: Sequence[FeedbackEvent] = ()
    problems: Mapping[UUID, str] = field(default_factory=dict)


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
                outcome = await self._apply(connection, leased)
        except ServiceError:
            raise  # Postgres is unavailable or busy
        except Exception as error:  # noqa: BLE001 - the notification that causes it fails again when it is processed alone
            reason = type(error).__name__
            log.warning("feedback batch failed, retrying one by one", action="batch_failed", reason=reason)
            for each in leased:
                await self._process_one(each.id)
        else:
            _count(outcome)
        return len(leased) == BATCH

    async def _process_one(self, notification_id: UUID) -> None:
        try:
            async with self._database.transaction() as connection:
                leased = await self._store.lease_notification(connection, notification_id)
                outcome = await self._apply(connection, leased)
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
            _count(outcome)

    async def _apply(self, connection: Connection, leased: Sequence[Notification]) -> Outcome:
        """Store feedback, write its events to the outbox, and mark the notifications as processed."""
        if not leased:
            return Outcome()
        parsed, problems = _parse_all(leased)
        held = await self._hold(connection, parsed)
        feedback_events = [event for notification, event in parsed if notification.id not in held]
        problems = {id_: problem for id_, problem in problems.items() if id_ not in held}
        new = await self._store.add_feedback(connection, feedback_events)
        published = {each.meaning: event for each in new if (event := event_of(each))}
        await self._outbox.write(connection, *published.values())
        # Sender needs a Send as evidence that SES accepted an attempt, but no event is published for it.
        if any(each.attempt_id and each.meaning not in published for each in new):
            await self._store.notify_sender(connection)
        await self._store.mark_processed(connection, problems)
        return Outcome(feedback_events, new, problems)

    async def _hold(
        self, connection: Connection, parsed: Sequence[tuple[Notification, FeedbackEvent]]
    ) -> frozenset[UUID]:
        """Postpone notifications that have neither our tags nor a known SES id; return their ids."""
        recent = datetime.now(UTC) - HOLD
        young = [
            (notification.id, event)
            for notification, event in parsed
            if not event.tagged and notification.received_at > recent
        ]
        if not young:
            return frozenset()
        ready = await self._store.attributable(connection, [event for _, event in young])
        held = frozenset(id_ for id_, event in young if event.meaning not in ready)
        if held:
            await self._store.postpone(connection, list(held), HOLD_STEP)
        return held

    async def _record_failure(self, notification_id: UUID, problem: str) -> None:
        """Postpone a notification that failed; after MAX_FAILURES, mark it as processed with its problem."""
        async with self._database.transaction() as connection:
            if await self._store.postpone_failed(connection, notification_id) >= MAX_FAILURES:
                await self._store.mark_processed(connection, {notification_id: problem})
                PROBLEMS.inc()


def _parse_all(
    batch: Sequence[Notification],
) -> tuple[list[tuple[Notification, FeedbackEvent]], dict[UUID, str]]:
    """Parse a batch; return each event with its notification, and the problem of each notification or ''."""
    parsed: list[tuple[Notification, FeedbackEvent]] = []
    problems: dict[UUID, str] = {}
    for notification in batch:
        try:
            feedback_event = parse(notification.body, notification.received_at)
            parsed.append((notification, feedback_event))
            problems[notification.id] = problem_of(feedback_event)
        except Malformed as error:
            problems[notification.id] = str(error)
    return parsed, problems


def _count(outcome: Outcome) -> None:
    new = {each.meaning for each in outcome.new}
    for each in outcome.feedback_events:
        FEEDBACK_EVENTS.labels(each.kind, "new" if each.meaning in new else "repeated").inc()
    for notification_id, problem in outcome.problems.items():
        if problem:
            PROBLEMS.inc()
            log.warning(
                "notification is not, or not wholly, processed",
                action="notification_malformed",
                notification=str(notification_id),
            )
