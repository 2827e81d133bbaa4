"""webhooks as a whole, between a topic and a queue of SES's feedback and whoever listens on NATS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
import grpc
import pytest

from chassis import config
from services.webhooks import intake
from services.webhooks.__main__ import Config, running
from tests.factories import ACCOUNT, REGION
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream

VISIBILITY = timedelta(seconds=1)  # after which SQS gives again what was not deleted


@dataclass(frozen=True)
class Way:
    """The way back from SES: a topic, and a queue of the same name behind it."""

    topic_arn: str
    queue: str
    sns: Any
    sqs: Any

    async def open(self) -> None:
        """Makes topic and queue, and ties them."""
        await asyncio.to_thread(self._open)

    def _open(self) -> None:
        self.sns.create_topic(Name=self.queue)
        arn = self.topic_arn.replace(":sns:", ":sqs:")
        attributes = {"VisibilityTimeout": f"{VISIBILITY.total_seconds():.0f}", "Policy": self._policy(arn)}
        self.sqs.create_queue(QueueName=self.queue, Attributes=attributes)
        self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=arn)

    def _policy(self, queue_arn: str) -> str:
        """Lets the topic send."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.topic_arn}},
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    async def publish(self, *events: dict[str, Any]) -> None:
        """Publishes events as SES does, each under a new SNS id."""
        for event in events:
            await asyncio.to_thread(self.sns.publish, TopicArn=self.topic_arn, Message=json.dumps(event))

    async def put(self, *bodies: str) -> None:
        """Puts bodies into the queue, as SNS does, or somebody who got the right to."""
        url = await self._url()
        for body in bodies:
            await asyncio.to_thread(self.sqs.send_message, QueueUrl=url, MessageBody=body)

    async def left(self) -> int:
        """How many messages the queue still has, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = await asyncio.to_thread(
            self.sqs.get_queue_attributes, QueueUrl=await self._url(), AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    async def _url(self) -> str:
        answer = await asyncio.to_thread(self.sqs.get_queue_url, QueueName=self.queue)
        url: str = answer["QueueUrl"]
        return url


@pytest.fixture
def closed_way(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Way:
    """A way that nobody has made yet."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    session = boto3.session.Session(region_name=REGION)
    sns, sqs = (session.client(name, endpoint_url=internet.addresses.ses) for name in ("sns", "sqs"))
    name = f"feedback-{uuid4().hex}"
    return Way(f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}", name, sns, sqs)


@pytest.fixture
async def way(closed_way: Way) -> Way:
    """A topic with its queue."""
    await closed_way.open()
    return closed_way


@dataclass(frozen=True)
class Webhooks:
    """The service, to be started as often as there shall be replicas of it."""

    settings: Config

    @asynccontextmanager
    async def start(self, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:
        """Runs one replica, with changed settings perhaps; gives a channel to it."""
        async with (
            running(replace(self.settings, **changes)) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield channel


@pytest.fixture
def webhooks(database: FreshDatabase, stream: FreshStream, closed_way: Way, internet: Internet) -> Webhooks:
    """The service as it is set up for this test; not started yet."""
    return Webhooks(
        Config(
            server=config.Server(
                grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=3), grpc_plaintext=True
            ),
            database=database.settings("webhooks"),
            nats=stream.settings,
            aws=config.Aws(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=internet.addresses.ses),
            feedback=intake.Feedback(
                feedback_queue=closed_way.queue,
                feedback_topic=closed_way.queue,
                feedback_wait=timedelta(seconds=1),
            ),
        )
    )


@pytest.fixture
async def channel(way: Way, webhooks: Webhooks) -> AsyncIterator[grpc.aio.Channel]:
    """A running replica."""
    async with webhooks.start() as channel:
        yield channel
