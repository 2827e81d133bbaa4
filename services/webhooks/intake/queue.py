"""Reads SES's feedback from the SQS queue: stores it raw first, then deletes it from the queue.

Errors here never stop the service, because the queue retains messages for days. A rejected message is left in
the queue. SQS moves it to the dead-letter queue, from which it can be redriven once the cause is fixed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter, Gauge

from chassis import config
from chassis.backoff import Backoff, wait_any
from chassis.errors import ServiceError
from chassis.telemetry import get_logger
from chassis.threads import Executor
from services.webhooks.intake.certificates import Signatures
from services.webhooks.intake.rejections import Rejections
from services.webhooks.model.envelope import Arrival, arrival_of, unwrap
from services.webhooks.model.sns import Rejected, Topic, Unproven, Unverifiable, is_bare, parse
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)
POLLS = Counter("letterhead_feedback_polls_total", "Receive calls to the feedback queue", ["outcome"])
POLLED_AT = Gauge("letterhead_feedback_polled_timestamp_seconds", "When the feedback queue last answered")
NOTIFICATIONS = Counter("letterhead_feedback_notifications_total", "Notifications, by outcome", ["outcome"])

BATCH = 10  # SQS's maximum for one receive or delete
CONNECT_TIMEOUT = timedelta(seconds=3)
PATIENCE = timedelta(seconds=20)  # for an unavailable certificate host; then SQS redelivers the message
ANSWER_TIMEOUT = timedelta(seconds=5)  # beyond the long poll's own wait

Message: TypeAlias = dict[str, Any]  # as boto3 returns it: MessageId, ReceiptHandle, Body
Policy: TypeAlias = Literal["off", "count", "enforce"]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Settings of the queue and topic that SES's feedback arrives by."""

    feedback_queue: str = config.setting(
        "letterhead-feedback", help="name or URL of the SQS queue with SES's feedback"
    )
    feedback_topic: str = config.setting(
        "letterhead-feedback", help="name or ARN of the SNS topic that feeds the queue"
    )
    feedback_wait: timedelta = config.setting(
        timedelta(seconds=5),
        help="seconds that one long poll of the queue waits; shutdown waits for it too",
        minimum=timedelta(seconds=1),
        maximum=timedelta(seconds=20),
    )
    feedback_signatures: Policy = config.setting(
        "off",
        help="whether SNS's signatures on queue messages are verified: off, count (messages that fail are"
        " counted and stored) or enforce (they are rejected); raw message delivery has no signatures",
    )
    feedback_pollers: int = config.setting(
        2, help="concurrent long polls of one process", minimum=1, maximum=16
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """The accepted messages of one receive call, and the notifications in them."""

    messages: Sequence[Message]
    arrivals: Sequence[Arrival]


class Intake:
    """Polls the queue; calls `stored` after each batch that it stores."""

    def __init__(
        self, queue: "Queue", store: FeedbackStore, reader: "Reader", *, stored: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._store = store
        self._reader = reader
        self._stored = stored

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop` is set; finish the current batch first."""
        backoff = Backoff("feedback queue", first=timedelta(seconds=0.2), cap=timedelta(seconds=5))
        while not stop.is_set():
            try:
                await self._poll(stop)
            except (BotoCoreError, ClientError) as error:
                POLLS.labels("failed").inc()
                await wait_any(stop, timeout=backoff.failed(error))
            else:
                backoff.succeeded()

    async def _poll(self, stop: asyncio.Event) -> None:
        messages = await self._queue.receive()
        POLLS.labels("answered").inc()
        POLLED_AT.set_to_current_time()
        batch = await self._reader.read(messages, stop)
        if batch.arrivals and not await self._keep(batch.arrivals, stop):
            return  # not stored, so not deleted: SQS redelivers it
        if batch.messages:
            await self._queue.delete(batch.messages)
        await self._note_poll()

    async def _note_poll(self) -> None:
        """Record the time of this poll; without a recent poll, sender does not trust missing feedback."""
        try:
            await self._store.note_poll(self._queue.name)
        except ServiceError as error:
            log.warning("recording the poll time failed", action="poll_not_noted", reason=error.reason)

    async def _keep(self, arrivals: Sequence[Arrival], stop: asyncio.Event) -> bool:
        """Store a batch, retrying while Postgres is unavailable; return False when `stop` comes first."""
        backoff = Backoff("storing feedback", first=timedelta(seconds=0.1), cap=timedelta(seconds=2))
        while not stop.is_set():
            try:
                new = await self._store.keep_notifications(arrivals)
            except ServiceError as error:
                await wait_any(stop, timeout=backoff.failed(error))
                continue
            backoff.succeeded()
            NOTIFICATIONS.labels("stored").inc(new)
            NOTIFICATIONS.labels("repeated").inc(len(arrivals) - new)
            self._stored()
            return True
        return False


class Reader:
    """Unwraps queue messages and verifies them according to the `feedback_signatures` setting."""

    def __init__(self, topic: Topic, signatures: Signatures, policy: Policy) -> None:
        self._topic = topic
        self._signatures = signatures
        self._policy = policy
        self._rejections = Rejections("queue")

    async def read(self, messages: Sequence[Message], stop: asyncio.Event) -> Batch:
        """Return the messages that are accepted; wait up to PATIENCE for an unavailable certificate host."""
        until = time.monotonic() + PATIENCE.total_seconds()
        accepted: list[Message] = []
        arrivals: list[Arrival] = []
        for message in messages:
            try:
                arrivals.append(await self._open(message, stop, until))
                accepted.append(message)
            except Rejected as refused:
                NOTIFICATIONS.labels("refused").inc()
                self._rejections.note(refused, sqs_id=message["MessageId"])
        return Batch(accepted, arrivals)

    async def _open(self, message: Message, stop: asyncio.Event, until: float) -> Arrival:
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
        except Rejected as refused:
            self._rejections.note(refused, kept=True, sqs_id=message["MessageId"])

    async def _verified(self, body: bytes) -> Arrival:
        if is_bare(body):
            raise Unproven("raw_delivery")
        message = parse(body, self._topic)
        await self._signatures.check(message)
        return arrival_of(message)


def _body(message: Message) -> bytes:
    text: str = message["Body"]
    return text.encode("utf-8", "replace")


class Queue:
    """The SQS queue, given by URL or name; a name is resolved on first use."""

    def __init__(self, client: Any, threads: Executor, *, name: str, wait: timedelta) -> None:
        self._client = client
        self._threads = threads
        self.name = name
        self._wait = wait
        self._known_url: str | None = name if "://" in name else None

    async def receive(self) -> list[Message]:
        """Long-poll for up to BATCH messages; SQS redelivers them unless they are deleted."""
        answer = await self._threads.run(
            self._client.receive_message,
            QueueUrl=await self._url(),
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=int(self._wait.total_seconds()),
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    async def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages. SQS redelivers one that it fails to delete, and storing it again is harmless."""
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        await self._threads.run(
            self._client.delete_message_batch, QueueUrl=await self._url(), Entries=entries
        )

    async def _url(self) -> str:
        if self._known_url is None:
            answer = await self._threads.run(self._client.get_queue_url, QueueName=self.name)
            self._known_url = answer["QueueUrl"]
        return self._known_url


@asynccontextmanager
async def open_queue(aws: config.Aws, settings: Feedback) -> AsyncIterator[Queue]:
    """Create the client of the queue, with credentials from boto3's default chain."""
    options = ClientConfig(
        connect_timeout=CONNECT_TIMEOUT.total_seconds(),
        read_timeout=(settings.feedback_wait + ANSWER_TIMEOUT).total_seconds(),
        max_pool_connections=settings.feedback_pollers,
        retries={"total_max_attempts": 1},  # the poll loop has its own backoff
    )
    session = boto3.session.Session(region_name=aws.aws_region)
    client = session.client("sqs", endpoint_url=aws.aws_endpoint_url, config=options)
    try:
        async with Executor("feedback-queue", settings.feedback_pollers) as threads:
            yield Queue(client, threads, name=settings.feedback_queue, wait=settings.feedback_wait)
    finally:
        client.close()


def topic(aws: config.Aws, settings: Feedback) -> Topic:
    """Return the topic that messages must come from."""
    arn = settings.feedback_topic
    if not arn.startswith("arn:"):
        partition = boto3.session.Session().get_partition_for_region(aws.aws_region)
        arn = f"arn:{partition}:sns:{aws.aws_region}:{aws.aws_account}:{arn}"
    try:
        return Topic.of(arn)
    except ValueError as error:
        raise config.ConfigError([f"{config.PREFIX}FEEDBACK_TOPIC: {error}"]) from None
