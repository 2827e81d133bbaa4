"""Confirms SNS subscriptions through the API with our own credentials, never through the URL in a message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config as ClientConfig

from chassis import config
from chassis.threads import Executor

TIMEOUT = timedelta(seconds=5)  # SNS waits 15 s for our answer
THREADS = 2


class Subscriptions:
    """Client for the topic's subscriptions."""

    def __init__(self, client: Any, threads: Executor) -> None:
        self._client = client
        self._threads = threads

    async def confirm(self, topic_arn: str, token: str) -> None:
        """Confirm a subscription so that only the account's own credentials can end it."""
        await self._threads.run(
            self._client.confirm_subscription,
            TopicArn=topic_arn,
            Token=token,
            AuthenticateOnUnsubscribe="true",
        )


@asynccontextmanager
async def open_subscriptions(aws: config.Aws) -> AsyncIterator[Subscriptions]:
    """Create the client of SNS, with credentials from boto3's default chain."""
    options = ClientConfig(
        connect_timeout=TIMEOUT.total_seconds(),
        read_timeout=TIMEOUT.total_seconds(),
        max_pool_connections=THREADS,
        retries={"total_max_attempts": 1},  # SNS posts the confirmation again
    )
    session = boto3.session.Session(region_name=aws.aws_region)
    client = session.client("sns", endpoint_url=aws.aws_endpoint_url, config=options)
    try:
        async with Executor("sns-subscriptions", THREADS) as threads:
            yield Subscriptions(client, threads)
    finally:
        client.close()
