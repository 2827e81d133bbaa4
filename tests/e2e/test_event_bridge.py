"""SES's events arrive by EventBridge alone: a bounce suppresses its recipient, and a forged one nobody."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import boto3
import pytest
import pytest_asyncio

from cli.aws.desired import DESTINATION
from cli.aws.setup import set_up
from cli.aws.target import Target
from cli.environments import ACCOUNT, REGION
from letterhead.identity.v1.domains_pb2 import Domain
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest
from letterhead.sender.v1.suppressions_pb2 import ListSuppressionsRequest
from tests.e2e.conftest import World, a_world
from tests.e2e.ready_domains import a_ready_domain
from tests.integration.sender.callers import a_request
from tests.unit.webhooks.ses_events import SentEmail, in_event_bridge
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

MINUTE = timedelta(minutes=1)
RULE = "letterhead-feedback"
BOUNCING = "bounce@reader-of-letters.com"
VICTIM = "ada@reader-of-letters.com"


# Of SES's events about emails; heartbeats have no such tag.
TYPES = """
    SELECT body::jsonb ->> 'eventType' AS type FROM webhooks.notifications
    WHERE topic_arn = $1 AND body::jsonb -> 'mail' -> 'tags' ? 'lh-email'
    ORDER BY type
"""


@dataclass(frozen=True)
class Bridge:
    """An installation whose SES publishes to EventBridge only, and a READY domain in it."""

    world: World
    domain: Domain
    feedback: Target
    database: asyncpg.Connection

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call AWS as an administrator of the account."""
        session = boto3.Session("sandbox", "sandbox", region_name=REGION)
        client = session.client(service, endpoint_url=self.world.installation.ses)
        answer: dict[str, Any] = await asyncio.to_thread(getattr(client, operation), **parameters)
        return answer

    async def change_queue(self, **attributes: str) -> None:
        """Change attributes of the feedback queue."""
        url = await self.queue_url(self.feedback.feedback)
        await self.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)

    async def queue_url(self, name: str) -> str:
        """Return the URL of a queue."""
        url: str = (await self.call("sqs", "get_queue_url", QueueName=name))["QueueUrl"]
        return url

    async def attributes(self, name: str) -> dict[str, str]:
        """Return the attributes of a queue."""
        url = await self.queue_url(name)
        answer = await self.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
        found: dict[str, str] = answer["Attributes"]
        return found

    async def send(self, to: str) -> Email:
        """Send an email; return it once SES has accepted it."""
        request = a_request(f"agent@{self.domain.name}", to)
        sent = (await self.world.services.sender.SendEmail(request)).email

        async def accepted() -> Email | None:
            email: Email = (
                await self.world.services.sender.GetEmail(GetEmailRequest(email_id=sent.id))
            ).email
            return email if email.state == Email.STATE_SENT else None

        return await eventually(accepted, MINUTE)

    async def suppressed(self) -> list[str]:
        """Return the tenant's suppressed addresses."""
        answer = await self.world.services.suppressions.ListSuppressions(ListSuppressionsRequest())
        return [each.address for each in answer.suppressions]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bridge(workspace: Path) -> AsyncIterator[Bridge]:
    """Run an installation with a rule; SES does not publish to the topic, and SQS dead-letters at once."""
    settings = {"LETTERHEAD_FEEDBACK_RULE": RULE}
    async with a_world(workspace / "event-bridge", 1, webhooks=settings) as world:
        session = boto3.Session("sandbox", "sandbox", region_name=REGION)
        made = await asyncio.to_thread(
            set_up, session, account=ACCOUNT, endpoint_url=world.installation.ses, event_rule=True
        )
        database = await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
        bridge = Bridge(world, await a_ready_domain(world), made, database)
        await bridge.call(
            "sesv2",
            "delete_configuration_set_event_destination",
            ConfigurationSetName=made.configuration_set,
            EventDestinationName=DESTINATION,
        )
        redrive = json.loads((await bridge.attributes(made.feedback))["RedrivePolicy"])
        await bridge.change_queue(
            RedrivePolicy=json.dumps(redrive | {"maxReceiveCount": 1}), VisibilityTimeout="2"
        )
        yield bridge
        await database.close()


async def forge(bridge: Bridge, email: Email) -> None:
    """Put a bounce of an email, of another account's SES, into the queue while its policy is open."""
    [accepted] = [
        each
        for each in (await bridge.world.sandbox.ledger())["accepted"]
        if each["email_tags"].get("lh-email") == email.id
    ]
    tags = {name: UUID(value) for name, value in accepted["email_tags"].items()}
    bounce = SentEmail(
        tags["lh-tenant"], tags["lh-email"], tags["lh-attempt"], email.ses_id, (VICTIM,)
    ).bounce()
    policy = (await bridge.attributes(bridge.feedback.feedback))["Policy"]
    await bridge.change_queue(Policy="")
    await bridge.call(
        "sqs",
        "send_message",
        QueueUrl=await bridge.queue_url(bridge.feedback.feedback),
        MessageBody=json.dumps(in_event_bridge(bounce, account="666666666666")),
    )
    await bridge.change_queue(Policy=policy)


async def test_a_bounce_by_event_bridge_suppresses_and_a_forged_one_does_not(bridge: Bridge) -> None:
    queue_arn = (await bridge.attributes(bridge.feedback.feedback))["QueueArn"]
    everything = json.dumps({"source": ["aws.ses"]})
    await bridge.call("events", "put_rule", Name="another", EventPattern=everything)
    await bridge.call("events", "put_targets", Rule="another", Targets=[{"Id": "q", "Arn": queue_arn}])

    await forge(bridge, await bridge.send(VICTIM))
    await bridge.send(BOUNCING)

    await eventually(bridge.suppressed, MINUTE)

    async def dead_lettered() -> bool:
        attributes = await bridge.attributes(bridge.feedback.dead_letters)
        return attributes["ApproximateNumberOfMessages"] == "1"

    await eventually(dead_lettered, MINUTE)
    assert await bridge.suppressed() == [BOUNCING]
    types = [row["type"] for row in await bridge.database.fetch(TYPES, bridge.feedback.rule_arn)]
    assert types == ["Bounce", "Delivery", "Send", "Send"]  # none of them twice, by the other rule
    assert bridge.feedback.rule_arn == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{RULE}"
