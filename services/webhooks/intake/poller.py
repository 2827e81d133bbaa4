"""Reads SES's feedback from the SQS queue: stores it raw first, then deletes it from the queue.

Errors here never stop the service, because the queue retains messages for days. A rejected message is left in
the queue. SQS moves it to the dead-letter queue, from which it can be redriven once the cause is fixed.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from chassis.aws import AwsError
from chassis.backoff import Backoff, retried, wait_any
from chassis.errors import ServiceError
from chassis.periodic import PeriodicTask
from chassis.telemetry import get_logger
from services.webhooks.config import Policy
from services.webhooks.intake.certificates import Signatures
from services.webhooks.intake.event_bridge import RuleEvents
from services.webhooks.intake.queue import Message, Queue
from services.webhooks.intake.rejections import Rejections
from services.webhooks.metrics import NOTIFICATIONS, POLLED_AT, POLLS
from services.webhooks.model.envelope import Arrival, arrival_of, unwrap
from services.webhooks.model.event_bridge import is_event
from services.webhooks.model.rejections import Rejected, Unproven, Unverifiable
from services.webhooks.model.sns import Topic, is_bare, parse
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)

PATIENCE = timedelta(seconds=20)  # for an unavailable certificate host; then SQS redelivers the message


class Poller:
    """Polls the queue; calls `stored` after each batch that it stores."""

    def __init__(
        self, queue: Queue, store: FeedbackStore, reader: "Reader", *, stored: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._store = store
        self._reader = reader
        self._stored = stored

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set; finish the current batch first. Several may run at once."""
        task = PeriodicTask("feedback queue", lambda: self._poll(stop), interval=timedelta(0))
        await task.run(stop)

    async def _poll(self, stop: asyncio.Event) -> bool:
        try:
            messages = await self._queue.receive()
            POLLS.labels("answered").inc()
            POLLED_AT.set_to_current_time()
            accepted, arrivals = await self._reader.read(messages, stop)
            # Messages that were not stored are not deleted, so SQS redelivers them.
            if not arrivals or await self._store_all(arrivals, stop):
                if accepted:
                    await self._queue.delete(accepted)
                await self._record_poll()
        except AwsError:
            POLLS.labels("failed").inc()
            raise
        return True  # the queue's long poll is the only wait

    async def _store_all(self, arrivals: Sequence[Arrival], stop: asyncio.Event) -> bool:
        """Store a batch, retrying while Postgres is unavailable; return False when `stop` comes first."""
        new = await retried(
            "storing feedback",
            lambda: self._store.store_notifications(arrivals),
            stop,
            first=timedelta(seconds=0.1),
            cap=timedelta(seconds=2),
            on=(ServiceError,),
        )
        if new is None:
            return False
        NOTIFICATIONS.labels("stored").inc(new)
        NOTIFICATIONS.labels("repeated").inc(len(arrivals) - new)
        self._stored()
        return True

    async def _record_poll(self) -> None:
        """Record the time of this poll; without a recent poll, sender does not trust missing feedback."""
        try:
            await self._store.record_poll(self._queue.name, self._queue.ses_region)
        except ServiceError as error:
            log.warning("recording the poll time failed", action="poll_not_recorded", reason=error.reason)


class Reader:
    """Unwraps queue messages: SNS's, verified by `feedback_signatures`, and EventBridge's, by their rule."""

    def __init__(self, topic: Topic, signatures: Signatures, rule_events: RuleEvents, policy: Policy) -> None:
        self._topic = topic
        self._signatures = signatures
        self._rule_events = rule_events
        self._policy = policy
        self._rejections = Rejections("queue")

    async def read(
        self, messages: Sequence[Message], stop: asyncio.Event
    ) -> tuple[list[Message], list[Arrival]]:
        """Return the accepted messages and the notifications in them.

        Waits up to PATIENCE for an unavailable certificate host.
        """
        until = time.monotonic() + PATIENCE.total_seconds()
        accepted: list[Message] = []
        arrivals: list[Arrival] = []
        for message in messages:
            try:
                arrivals.append(await self._open(message, stop, until))
                accepted.append(message)
            except Rejected as rejected:
                NOTIFICATIONS.labels("refused").inc()
                self._rejections.record(rejected, sqs_id=message["MessageId"])
        return accepted, arrivals

    async def _open(self, message: Message, stop: asyncio.Event, until: float) -> Arrival:
        if is_event(message["Body"]):
            return await self._rule_events.open(message["Body"])
        if self._policy == "enforce":
            return await self._when_verifiable(_body(message), stop, until)
        if self._policy == "count":
            await self._count(message)
        return unwrap(message["Body"], message["MessageId"], self._topic.arn)

    async def _when_verifiable(self, body: bytes, stop: asyncio.Event, until: float) -> Arrival:
        backoff = Backoff("verifying feedback", first=timedelta(seconds=0.5), cap=timedelta(seconds=5))
        while True:
            try:
                arrival = await self._verified(body)
            except Unverifiable as error:
                if stop.is_set() or time.monotonic() > until:
                    raise
                await wait_any(stop, timeout=backoff.failed(error))
            else:
                backoff.succeeded()
                return arrival

    async def _count(self, message: Message) -> None:
        try:
            await self._verified(_body(message))
        except Rejected as rejected:
            self._rejections.record(rejected, stored=True, sqs_id=message["MessageId"])

    async def _verified(self, body: bytes) -> Arrival:
        if is_bare(body):
            raise Unproven("raw_delivery")
        message = parse(body, self._topic)
        await self._signatures.check(message)
        return arrival_of(message)


def _body(message: Message) -> bytes:
    text: str = message["Body"]
    return text.encode("utf-8", "replace")
