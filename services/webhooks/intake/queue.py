"""The SQS queue of a region, and who may send to it: the topic, and an EventBridge rule if there is one."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

from chassis.aws import AwsClient, Timeouts, open_client, session
from chassis.config import PREFIX, ConfigError
from chassis.regions import AwsRegion, SesRegion
from services.webhooks.config import Feedback
from services.webhooks.model.event_bridge import EventRule
from services.webhooks.model.sns import Topic

BATCH = 10  # SQS's maximum for one receive or delete
CONNECT_TIMEOUT = timedelta(seconds=3)
ANSWER_TIMEOUT = timedelta(seconds=5)  # beyond the long poll's own wait

Message: TypeAlias = dict[str, Any]  # as SQS returns it: MessageId, ReceiptHandle, Body


class Queue:
    """The SQS queue of a region, given by URL or name; a name is resolved on first use."""

    def __init__(self, client: AwsClient, ses_region: SesRegion, *, name: str, wait: timedelta) -> None:
        self._client = client
        self.ses_region = ses_region
        self.name = name
        self._wait = wait
        self._known_url: str | None = name if "://" in name else None

    async def receive(self) -> list[Message]:
        """Long-poll for up to BATCH messages; SQS redelivers them unless they are deleted."""
        answer = await self._client.call(
            "receive_message",
            QueueUrl=await self._url(),
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=int(self._wait.total_seconds()),
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    async def delete(self, messages: Sequence[Message]) -> None:
        """Delete messages. SQS redelivers one that it fails to delete, and storing it again is harmless."""
        entries = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        await self._client.call("delete_message_batch", QueueUrl=await self._url(), Entries=entries)

    async def policy(self) -> tuple[str, str]:
        """Return the queue's policy, '' if it has none, and its ARN."""
        names = ["Policy", "QueueArn"]
        answer = await self._client.call(
            "get_queue_attributes", expects="Attributes", QueueUrl=await self._url(), AttributeNames=names
        )
        return answer["Attributes"].get("Policy", ""), answer["Attributes"].get("QueueArn", "")

    async def has_redrive_policy(self) -> bool:
        """Return whether messages that are rejected again and again go to a dead-letter queue."""
        names = ["RedrivePolicy", "QueueArn"]  # an answer without any attribute would look incomplete
        answer = await self._client.call(
            "get_queue_attributes", expects="Attributes", QueueUrl=await self._url(), AttributeNames=names
        )
        return bool(answer["Attributes"].get("RedrivePolicy"))

    async def _url(self) -> str:
        if self._known_url is None:
            answer = await self._client.call("get_queue_url", expects="QueueUrl", QueueName=self.name)
            self._known_url = answer["QueueUrl"]
        return self._known_url


@asynccontextmanager
async def open_queue(region: AwsRegion, settings: Feedback) -> AsyncIterator[Queue]:
    """Open the client of a region's queue, for as many concurrent long polls as there are pollers."""
    timeouts = Timeouts(connect=CONNECT_TIMEOUT, read=settings.feedback_wait + ANSWER_TIMEOUT)
    async with open_client(region, "sqs", timeouts, threads=settings.feedback_pollers) as client:
        name = region.feedback_queue or settings.feedback_queue
        yield Queue(client, region.ses_region, name=name, wait=settings.feedback_wait)


def topic(region: AwsRegion, settings: Feedback) -> Topic:
    """Return the topic that a region's messages must come from."""
    arn = _arn(region, "sns", region.feedback_topic or settings.feedback_topic)
    try:
        return Topic.of(arn)
    except ValueError as error:
        raise ConfigError([f"{PREFIX}FEEDBACK_TOPIC: {error}"]) from None


def rule(region: AwsRegion, settings: Feedback) -> EventRule | None:
    """Return the EventBridge rule that may send SES's events to a region's queue too; None if none may."""
    name = region.feedback_rule or settings.feedback_rule
    if not name:
        return None
    try:
        found = EventRule.of(_arn(region, "events", name, kind="rule/"))
    except ValueError as error:
        raise ConfigError([f"{PREFIX}FEEDBACK_RULE: {error}"]) from None
    if (found.account, found.region) != (region.account, region.region):
        raise ConfigError([f"{PREFIX}FEEDBACK_RULE: {found.arn} is not of {region.ses_region}"])
    return found


def _arn(region: AwsRegion, service: str, name: str, *, kind: str = "") -> str:
    """Return the ARN of a resource of a region that the settings give by its name or its ARN."""
    if name.startswith("arn:"):
        return name
    partition = session().get_partition_for_region(region.region)
    return f"arn:{partition}:{service}:{region.region}:{region.account}:{kind}{name}"
