"""Takes SES's feedback out of the SQS queue: stored raw first, deleted from the queue after.

Trouble here never stops the service: the queue keeps what it has for days. A refused message is left in the
queue, and SQS moves it to the dead-letter queue, from where it can be taken back once the cause is fixed.
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
from services.webhooks.intake.refusals import Refusals
from services.webhooks.model.envelope import Arrival, arrival_of, unwrap
from services.webhooks.model.sns import Refused, Topic, Unproven, Unverifiable, is_bare, parse
from services.webhooks.store.feedback import FeedbackStore

log = get_logger(__name__)
POLLS = Counter("letterhead_feedback_polls_total", "Receive calls to the feedback queue", ["outcome"])
POLLED_AT = Gauge("letterhead_feedback_polled_timestamp_seconds", "When the feedback queue last answered")
NOTIFICATIONS = Counter(
    "letterhead_feedback_notifications_total", "Notifications by what became of them", ["outcome"]
)

BATCH = 10  # the most of one receive or delete
CONNECT_TIMEOUT = timedelta(seconds=3)
PATIENCE = timedelta(seconds=20)  # with a certificate host; then SQS gives the message again
ANSWER_TIMEOUT = timedelta(seconds=5)  # beyond the long poll's own wait

Message: TypeAlias = dict[str, Any]  # as boto3 gives it: MessageId, ReceiptHandle, Body
Policy: TypeAlias = Literal["off", "count", "enforce"]


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Where SES's feedback comes in."""

    feedback_queue: str = config.setting(
        "letterhead-feedback", help="name or URL of the SQS queue of SES's feedback"
    )
    feedback_topic: str = config.setting(
        "letterhead-feedback", help="name or ARN of the SNS topic that feeds the queue"
    )
    feedback_wait: timedelta = config.setting(
        timedelta(seconds=5),
        help="seconds that one long poll of the queue waits; the end of the service waits for it too",
        minimum=timedelta(seconds=1),
        maximum=timedelta(seconds=20),
    )
    feedback_signatures: Policy = config.setting(
        "off",
        help="whether SNS's signatures on the queue are verified: off, count (what does not verify is stored"
        " and counted) or enforce (it is refused); raw message delivery has none",
    )
    feedback_pollers: int = config.setting(2, help="long polls of one process at once", minimum=1, maximum=16)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is believed of one receive: the messages, and what they carry."""

    messages: Sequence[Message]
    arrivals: Sequence[Arrival]


class Intake:
    """Polls the queue; `stored` is called whenever something new was stored."""

    def __init__(
        self, queue: "Queue", store: FeedbackStore, reader: "Reader", *, stored: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._store = store
        self._reader = reader
        self._stored = stored

    async def run(self, stop: asyncio.Event) -> None:
        """Poll until `stop`; a batch in hand is finished first."""
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
            return  # not stored, so not deleted: the queue gives it again
        if batch.messages:
            await self._queue.delete(batch.messages)
        await self._note_poll()

    async def _note_poll(self) -> None:
        """Let sender know that it would hear: while this grows old, silence proves nothing."""
        try:
            await self._store.note_poll(self._queue.name)
        except ServiceError as error:
            log.warning("the poll was not noted", action="poll_not_noted", reason=error.reason)

    async def _keep(self, arrivals: Sequence[Arrival], stop: asyncio.Event) -> bool:
        """Store a batch, however long Postgres is away; says whether it is stored."""
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
    """Opens what the queue gives, and verifies it as far as the setting says."""

    def __init__(self, topic: Topic, signatures: Signatures, policy: Policy) -> None:
        self._topic = topic
        self._signatures = signatures
        self._policy = policy
        self._refusals = Refusals("queue")

    async def read(self, messages: Sequence[Message], stop: asyncio.Event) -> Batch:
        """Return the messages that are believed; wait a while for a certificate host that is unavailable."""
        until = time.monotonic() + PATIENCE.total_seconds()
        believed: list[Message] = []
        arrivals: list[Arrival] = []
        for message in messages:
            try:
                arrivals.append(await self._open(message, stop, until))
                believed.append(message)
            except Refused as refused:
                NOTIFICATIONS.labels("refused").inc()
                self._refusals.note(refused, sqs_id=message["MessageId"])
        return Batch(believed, arrivals)

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
            except Unverifiable as trouble:
                if stop.is_set() or time.monotonic() > until:
                    raise
                await wait_any(stop, timeout=backoff.failed(trouble))
            else:
                backoff.succeeded()
                return arrival

    async def _count(self, message: Message) -> None:
        try:
            await self._verified(_body(message))
        except Refused as refused:
            self._refusals.note(refused, kept=True, sqs_id=message["MessageId"])

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
    """The SQS queue, by its URL or name; the name is looked up when it is first needed."""

    def __init__(self, client: Any, threads: Executor, *, name: str, wait: timedelta) -> None:
        self._client = client
        self._threads = threads
        self.name = name
        self._wait = wait
        self._known_url: str | None = name if "://" in name else None

    async def receive(self) -> list[Message]:
        """Wait for the next few; they come again unless they are deleted."""
        answer = await self._threads.run(
            self._client.receive_message,
            QueueUrl=await self._url(),
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=int(self._wait.total_seconds()),
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    async def delete(self, messages: Sequence[Message]) -> None:
        """Drop them from the queue; one that stays comes again, which does no harm."""
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
    """Make the client of the queue, which gets its credentials by boto3's own chain."""
    options = ClientConfig(
        connect_timeout=CONNECT_TIMEOUT.total_seconds(),
        read_timeout=(settings.feedback_wait + ANSWER_TIMEOUT).total_seconds(),
        max_pool_connections=settings.feedback_pollers,
        retries={"total_max_attempts": 1},  # the poll's own backoff is the one retry
    )
    session = boto3.session.Session(region_name=aws.aws_region)
    client = session.client("sqs", endpoint_url=aws.aws_endpoint_url, config=options)
    try:
        async with Executor("feedback-queue", settings.feedback_pollers) as threads:
            yield Queue(client, threads, name=settings.feedback_queue, wait=settings.feedback_wait)
    finally:
        client.close()


def topic(aws: config.Aws, settings: Feedback) -> Topic:
    """Return the one topic that is listened to."""
    arn = settings.feedback_topic
    if not arn.startswith("arn:"):
        partition = boto3.session.Session().get_partition_for_region(aws.aws_region)
        arn = f"arn:{partition}:sns:{aws.aws_region}:{aws.aws_account}:{arn}"
    try:
        return Topic.of(arn)
    except ValueError as error:
        raise config.ConfigError([f"{config.PREFIX}FEEDBACK_TOPIC: {error}"]) from None
