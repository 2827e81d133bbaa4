"""A real subscription of the HTTPS endpoint: confirmed through the API, used, and ended."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from cli.embedded import Postgres
from tests.figures import Figure
from tests.integration.webhooks.certificate_host import HOST, outgoing
from tests.integration.webhooks.conftest import FeedbackPath
from tests.integration.webhooks.forger import Forger
from tests.integration.webhooks.verifying import VerifyingWebhooks
from tests.stores import FreshDatabase
from tests.waiting import eventually

MESSAGES: list[dict[str, str]] = [
    {"Message": '{"eventType":"Send"}', "Subject": "Amazon SES Email Event Notification"},
    {"Message": '{"eventType":"Send"}'},
    {"Message": "Successfully validated SNS topic for Amazon SES event publishing."},
    {"Message": "Grüße \U0001f600 \u2028 \x7f"},
    {"Message": "two\nlines\r\nand a third", "Subject": "Subject\\n, as a text"},
    {"Message": "a\nMessageId\nb\nTimestamp\nc\n"},
    {"Message": '"quoted" \\ and {"TopicArn": "arn:aws:sns:us-east-1:666666666666:other"}'},
    {"Message": " "},
    {"Message": "x" * 256 * 1024},
    {"Message": "&<>'%00", "Subject": "a" * 99},
]


def outcomes(*names: str) -> float:
    """Return how many posts had one of these outcomes in this process so far."""
    return sum(
        REGISTRY.get_sample_value("letterhead_sns_posts_total", {"outcome": name}) or 0 for name in names
    )


@pytest.fixture
async def signed_path(feedback_path: FeedbackPath) -> FeedbackPath:
    """Return a topic that signs with SHA-256 and has no subscription yet."""
    await feedback_path.sign("2")
    await feedback_path.unsubscribe()
    return feedback_path


async def subscribe(feedback_path: FeedbackPath, url: str) -> None:
    await asyncio.to_thread(
        feedback_path.sns.subscribe, TopicArn=feedback_path.topic_arn, Protocol="http", Endpoint=url
    )


async def confirmed(feedback_path: FeedbackPath) -> dict[str, Any]:
    """Wait until the topic's only subscription is confirmed; return its attributes."""

    async def arn() -> str:
        (row,) = await feedback_path.subscriptions()
        return row["SubscriptionArn"] if row["SubscriptionArn"].startswith("arn:") else ""

    found = await eventually(arn)
    answer = await asyncio.to_thread(feedback_path.sns.get_subscription_attributes, SubscriptionArn=found)
    attributes: dict[str, Any] = answer["Attributes"]
    return attributes


async def follow(verifying: VerifyingWebhooks, **fields: str) -> int:
    """Open a link of SNS's messages without credentials; return the status of SNS's answer."""
    url = f"{verifying.internet.addresses.ses}/?{urlencode(fields)}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_every_genuine_sns_message_is_accepted(
    signed_path: FeedbackPath, verifying: VerifyingWebhooks, database: FreshDatabase, figure: Figure
) -> None:
    with outgoing() as seen:
        async with verifying.start():
            await subscribe(signed_path, verifying.url)
            subscription = await confirmed(signed_path)
            for message in MESSAGES:
                await asyncio.to_thread(signed_path.sns.publish, TopicArn=signed_path.topic_arn, **message)

            async def all_stored() -> bool:
                return len(await database.fetch("SELECT FROM webhooks.notifications")) == len(MESSAGES)

            await eventually(all_stored)

    rows = await database.fetch("SELECT body FROM webhooks.notifications")
    assert sorted(row["body"] for row in rows) == sorted(message["Message"] for message in MESSAGES)
    assert subscription["ConfirmationWasAuthenticated"] == "true"
    assert await verifying.confirmations() == 1
    assert verifying.elsewhere.connections == 0
    assert [address for address in seen.addresses if address not in verifying.known] == []
    figure(f"SNS endpoint: {1 + len(MESSAGES)} genuine posts of SNS, accepted {1 + len(rows)}")


async def test_the_unsubscribe_link_does_not_end_a_subscription(
    signed_path: FeedbackPath, verifying: VerifyingWebhooks
) -> None:
    async with verifying.start():
        await subscribe(signed_path, verifying.url)
        subscription = await confirmed(signed_path)

        assert (
            await follow(verifying, Action="Unsubscribe", SubscriptionArn=subscription["SubscriptionArn"])
            == 403
        )

    assert len(await signed_path.subscriptions()) == 1


async def subscribe_by_link(feedback_path: FeedbackPath, verifying: VerifyingWebhooks) -> str:
    """Subscribe by opening the SubscribeURL, before the service runs; return the subscription's ARN."""
    confirmations: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        confirmations.append(json.loads(await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/sns", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, verifying.port).start()
    await subscribe(feedback_path, verifying.url)
    (confirmation,) = await eventually(lambda: confirmations)
    await runner.cleanup()
    assert (
        await follow(
            verifying,
            Action="ConfirmSubscription",
            TopicArn=feedback_path.topic_arn,
            Token=confirmation["Token"],
        )
        == 200
    )
    (row,) = await feedback_path.subscriptions()
    arn: str = row["SubscriptionArn"]
    return arn


async def test_the_end_of_a_subscription_is_counted_and_not_undone(
    signed_path: FeedbackPath, verifying: VerifyingWebhooks, figure: Figure
) -> None:
    before = outcomes("unsubscribed")
    arn = await subscribe_by_link(signed_path, verifying)

    async with verifying.start():
        assert await follow(verifying, Action="Unsubscribe", SubscriptionArn=arn) == 200
        await eventually(lambda: outcomes("unsubscribed") == before + 1)

    assert await signed_path.subscriptions() == []
    figure("SNS endpoint: 1 genuine UnsubscribeConfirmation, accepted 1, subscribed again 0")


async def test_an_unavailable_certificate_host_is_answered_so_that_sns_retries(
    verifying: VerifyingWebhooks, forger: Forger
) -> None:
    message = forger.genuine()

    async with verifying.start() as sns:
        verifying.host.in_trouble = True
        during_outage = await sns.post(message)
        verifying.host.in_trouble = False

        async def accepted() -> bool:
            return await sns.post(message) == 200

        await eventually(accepted)

    assert during_outage == 503


async def test_a_retried_post_is_accepted_once_postgres_is_back(
    verifying: VerifyingWebhooks, forger: Forger, database: FreshDatabase, postgres: Postgres
) -> None:
    message = forger.genuine()

    async with verifying.start() as sns:
        postgres.kill()
        during_outage = await sns.post(message)
        postgres.restart()

        async def accepted() -> bool:
            return await sns.post(message) == 200

        await eventually(accepted)

    assert during_outage == 503
    assert len(await database.fetch("SELECT FROM webhooks.notifications")) == 1


async def test_a_repeated_post_is_stored_once(
    verifying: VerifyingWebhooks, forger: Forger, database: FreshDatabase
) -> None:
    message = forger.genuine()

    async with verifying.start() as sns:
        answers = [await sns.post(message) for _ in range(3)]

    assert answers == [200, 200, 200]
    assert len(await database.fetch("SELECT FROM webhooks.notifications")) == 1
