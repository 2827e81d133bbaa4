"""webhooks polls a queue in each region and accepts only that region's topic there."""

import asyncio
from dataclasses import replace

from chassis.regions import AwsRegion
from tests.factories import ACCOUNT, REGION
from tests.integration.webhooks.conftest import FeedbackPath, Webhooks
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.unit.webhooks.ses_events import SentEmail, envelope
from tests.waiting import eventually

SECOND = ("210987654321", "eu-west-1")


async def test_feedback_of_each_region_is_stored(
    feedback_path: FeedbackPath, webhooks: Webhooks, internet: Internet, database: FreshDatabase
) -> None:
    """The simulated SQS is one, so the second region's queue has another name; its topic is of its region."""
    queue = f"{feedback_path.queue}-eu"
    await asyncio.to_thread(feedback_path.sqs.create_queue, QueueName=queue)
    second = replace(feedback_path, queue=queue)
    topic = f"arn:aws:sns:{SECOND[1]}:{SECOND[0]}:{feedback_path.queue}"
    region = AwsRegion(
        account=SECOND[0], region=SECOND[1], endpoint_url=internet.addresses.ses, feedback_queue=queue
    )
    here, there, misplaced = SentEmail(), SentEmail(), SentEmail()

    async with webhooks.start(aws=replace(webhooks.settings.aws, more_regions=(region,))):
        await feedback_path.publish(here.bounce())
        await second.put(envelope(there.bounce(), topic, "there"))
        await second.put(envelope(misplaced.bounce(), feedback_path.topic_arn, "misplaced"))

        async def stored() -> bool:
            rows = await database.fetch("SELECT topic_arn FROM webhooks.notifications ORDER BY topic_arn")
            return [row["topic_arn"] for row in rows] == sorted([feedback_path.topic_arn, topic])

        await eventually(stored)

    rows = await database.fetch("SELECT account, region FROM webhooks.intake ORDER BY region DESC")
    assert [(row["account"], row["region"]) for row in rows] == [(ACCOUNT, REGION), SECOND]
