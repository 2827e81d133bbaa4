"""Fixtures that run the webhooks service with an SNS topic, an SQS queue, Postgres and NATS."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from chassis import config
from cli.server_process import free_port
from services.webhooks.__main__ import running
from services.webhooks.config import Config, Feedback
from tests.factories import ACCOUNT, REGION, an_attempt
from tests.integration.webhooks.certificate_host import Keys, certificate_host, elsewhere
from tests.integration.webhooks.forger import Forger
from tests.integration.webhooks.verifying import VerifyingWebhooks
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream

TAGS = ("lh-tenant", "lh-email", "lh-attempt")
VISIBILITY = timedelta(seconds=1)  # after which SQS redelivers a message that was not deleted
RECEIVES = 10  # after which SQS dead-letters the message, as `aws setup` configures it


@dataclass(frozen=True)
class FeedbackPath:
    """The feedback path from SES: a topic, and a queue of the same name that subscribes to it."""

    topic_arn: str
    queue: str
    sns: Any
    sqs: Any
    database: FreshDatabase

    async def create(self) -> None:
        """Create the topic and the queue, and subscribe the queue."""
        await asyncio.to_thread(self._create)

    def _create(self) -> None:
        self.sns.create_topic(Name=self.queue)
        arn = self.topic_arn.replace(":sns:", ":sqs:")
        dead = {"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": RECEIVES}
        self.sqs.create_queue(QueueName=f"{self.queue}-dead")
        attributes = {
            "VisibilityTimeout": f"{VISIBILITY.total_seconds():.0f}",
            "Policy": self._policy(arn),
            "RedrivePolicy": json.dumps(dead),
        }
        self.sqs.create_queue(QueueName=self.queue, Attributes=attributes)
        self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn)

    @property
    def rule_arn(self) -> str:
        """Return the ARN of the EventBridge rule of the queue's name."""
        return self.topic_arn.replace(":sns:", ":events:").replace(self.queue, f"rule/{self.queue}")

    async def pin(self, rule_arn: str) -> None:
        """Set the queue's policy as `aws setup` does with a rule: only the topic and that rule may send."""
        queue_arn = self.topic_arn.replace(":sns:", ":sqs:")
        sends = {"Action": "sqs:SendMessage", "Resource": queue_arn}
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
            }
            for service, arn in (
                ("sns.amazonaws.com", self.topic_arn),
                ("events.amazonaws.com", rule_arn),
            )
        ]
        only = {"ArnNotEquals": {"aws:SourceArn": [self.topic_arn, rule_arn]}}
        statements.append({"Effect": "Deny", "Principal": "*", "Condition": only})
        policy = json.dumps({"Version": "2012-10-17", "Statement": [each | sends for each in statements]})
        await asyncio.to_thread(
            self.sqs.set_queue_attributes, QueueUrl=await self._url(), Attributes={"Policy": policy}
        )

    def _policy(self, queue_arn: str) -> str:
        """Return a queue policy that allows the topic to send."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic_arn}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    async def publish(self, *events: dict[str, Any]) -> None:
        """Publish events of emails that sender submitted, as SES does, each under a new SNS id."""
        await self.submit(*events)
        await self.publish_alone(*events)

    async def submit(self, *events: dict[str, Any]) -> None:
        """Insert what sender writes before submission: an email and an attempt with the ids of the tags."""
        for event in events:
            tags = event.get("mail", {}).get("tags", {})
            ids = [UUID(tags[name][0]) for name in TAGS if name in tags]
            if len(ids) == len(TAGS):
                await an_attempt(self.database, *ids)

    async def publish_alone(self, *events: dict[str, Any]) -> None:
        """Publish events without inserting emails and attempts for their tags."""
        for event in events:
            await asyncio.to_thread(self.sns.publish, TopicArn=self.topic_arn, Message=json.dumps(event))

    async def put(self, *bodies: str) -> None:
        """Send bodies to the queue directly, as SNS or an attacker with permission could."""
        url = await self._url()
        for body in bodies:
            await asyncio.to_thread(self.sqs.send_message, QueueUrl=url, MessageBody=body)

    async def in_queue(self) -> int:
        """Return how many messages the queue has, including those in flight."""
        return await self._count(await self._url())

    async def is_empty(self) -> bool:
        """Return whether the queue is empty and nothing is in flight."""
        return await self.in_queue() == 0

    async def dead_letters(self) -> int:
        """Return how many messages the dead-letter queue has."""
        return await self._count(f"{await self._url()}-dead")

    async def dead_letter_after(self, receives: int) -> None:
        """Have SQS dead-letter a message after so many receives."""
        arn = self.topic_arn.replace(":sns:", ":sqs:")
        policy = {"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": receives}
        await self._set("RedrivePolicy", json.dumps(policy))

    async def never_dead_letter(self) -> None:
        """Remove the redrive policy of the queue."""
        await self._set("RedrivePolicy", "")

    async def _set(self, attribute: str, value: str) -> None:
        attributes = {attribute: value}
        await asyncio.to_thread(
            self.sqs.set_queue_attributes, QueueUrl=await self._url(), Attributes=attributes
        )

    async def _count(self, url: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(self.sqs.get_queue_attributes, QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    async def sign(self, version: str) -> None:
        """Have SNS sign with this signature version from now on."""
        await asyncio.to_thread(
            self.sns.set_topic_attributes,
            TopicArn=self.topic_arn,
            AttributeName="SignatureVersion",
            AttributeValue=version,
        )

    async def subscriptions(self) -> list[dict[str, Any]]:
        """Return the topic's subscriptions."""
        answer = await asyncio.to_thread(self.sns.list_subscriptions_by_topic, TopicArn=self.topic_arn)
        found: list[dict[str, Any]] = answer["Subscriptions"]
        return found

    async def unsubscribe(self) -> None:
        """Remove the topic's subscriptions."""
        for each in await self.subscriptions():
            await asyncio.to_thread(self.sns.unsubscribe, SubscriptionArn=each["SubscriptionArn"])

    async def _url(self) -> str:
        answer = await asyncio.to_thread(self.sqs.get_queue_url, QueueName=self.queue)
        url: str = answer["QueueUrl"]
        return url


@pytest.fixture
def missing_path(
    internet: Internet, database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> FeedbackPath:
    """Return a feedback path whose topic and queue do not exist yet."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    sns, sqs = (internet.aws(name) for name in ("sns", "sqs"))
    name = f"feedback-{uuid4().hex}"
    return FeedbackPath(f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}", name, sns, sqs, database)


@pytest.fixture
async def feedback_path(missing_path: FeedbackPath) -> FeedbackPath:
    """Return a feedback path whose topic and queue exist."""
    await missing_path.create()
    return missing_path


@dataclass(frozen=True)
class Webhooks:
    """The service; each call of `start` runs one replica."""

    settings: Config

    @asynccontextmanager
    async def start(self, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:
        """Run one replica, with some settings changed; yield a channel to it."""
        async with (
            running(replace(self.settings, **changes)) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield channel


@pytest.fixture
def webhooks(
    database: FreshDatabase, stream: FreshStream, missing_path: FeedbackPath, internet: Internet
) -> Webhooks:
    """Return the service with this test's settings, not started yet."""
    return Webhooks(
        Config(
            server=config.Server(
                grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=3), grpc_plaintext=True
            ),
            database=database.settings("webhooks"),
            nats=stream.settings("webhooks"),
            aws=config.Aws(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=internet.addresses.ses),
            feedback=Feedback(
                feedback_queue=missing_path.queue,
                feedback_topic=missing_path.queue,
                feedback_wait=timedelta(seconds=1),
            ),
        )
    )


@pytest.fixture
async def channel(feedback_path: FeedbackPath, webhooks: Webhooks) -> AsyncIterator[grpc.aio.Channel]:
    """Run one replica; yield a channel to it."""
    async with webhooks.start() as channel:
        yield channel


@pytest.fixture(scope="session")
def keys() -> Keys:
    """Return the keys of SNS, of its certificate host and of an attacker."""
    return Keys()


@pytest.fixture
async def verifying(
    feedback_path: FeedbackPath, webhooks: Webhooks, internet: Internet, keys: Keys, tmp_path: Path
) -> AsyncIterator[VerifyingWebhooks]:
    """Return the service with its endpoint, not started; it trusts the CAs of the test and of the sandbox."""
    sandbox = Path(internet.addresses.sns_ca_file)
    async with certificate_host(tmp_path, keys) as host, elsewhere() as attacker:
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(host.authority.pem + sandbox.read_bytes())
        signing = sandbox.with_name("signing.pem").read_bytes()
        host.serve_as(
            f"SimpleNotificationService-{hashlib.md5(signing, usedforsecurity=False).hexdigest()}.pem",
            signing,
        )
        yield VerifyingWebhooks(webhooks.settings, internet, host, attacker, ca_file, free_port())


@pytest.fixture
def forger(verifying: VerifyingWebhooks, feedback_path: FeedbackPath, keys: Keys) -> Forger:
    """Return a forger of messages for the topic."""
    return Forger(
        feedback_path.topic_arn,
        verifying.host,
        keys,
        verifying.host.issue(keys.sns, "genuine"),
        verifying.elsewhere,
    )
