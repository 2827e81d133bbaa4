"""Outages of Postgres and the queue: nothing is lost, and the service keeps answering."""

from dataclasses import replace
from datetime import timedelta

import grpc

from cli.embedded import Postgres
from cli.server_process import free_port
from letterhead.webhooks.v1 import feedback_pb2, feedback_pb2_grpc
from tests.factories import a_key, a_tenant, bearer
from tests.health import serves
from tests.integration.webhooks.conftest import FeedbackPath, Webhooks
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.unit.webhooks.ses_events import SentEmail
from tests.waiting import eventually


async def subjects(stream: FreshStream) -> list[str]:
    return sorted(event["subject"] for event in await stream.published("delivery.received"))


async def test_nothing_is_lost_while_postgres_is_down(
    feedback_path: FeedbackPath,
    webhooks: Webhooks,
    postgres: Postgres,
    database: FreshDatabase,
    stream: FreshStream,
) -> None:
    emails = [SentEmail() for _ in range(25)]
    health_port = free_port()

    async def all_published() -> bool:
        return await subjects(stream) == sorted(str(email.email_id) for email in emails)

    async with webhooks.start(server=replace(webhooks.settings.server, health_port=health_port)):
        await feedback_path.submit(*(email.delivery() for email in emails))
        postgres.kill()
        await feedback_path.publish_alone(*(email.delivery() for email in emails))
        alive = await serves(health_port, "liveness")
        left = await feedback_path.in_queue()
        postgres.restart()

        assert alive
        assert left == len(emails)
        await eventually(all_published)
        await eventually(lambda: emptied(feedback_path))

    (row,) = await database.fetch("SELECT count(*) FROM webhooks.feedback")
    assert row["count"] == len(emails)


async def emptied(feedback_path: FeedbackPath) -> bool:
    return await feedback_path.in_queue() == 0


async def test_a_missing_queue_does_not_stop_the_service(
    missing_path: FeedbackPath,
    webhooks: Webhooks,
    database: FreshDatabase,
) -> None:
    tenant_id = await a_tenant(database)
    token = await a_key(database, tenant_id)
    email = SentEmail(tenant_id=tenant_id)

    async with webhooks.start() as channel:
        listed = await feedback_of(channel, token)
        await missing_path.create()
        await missing_path.publish(email.delivery())

        assert listed == []
        await eventually(lambda: feedback_of(channel, token), within=timedelta(seconds=15))


async def feedback_of(channel: grpc.aio.Channel, token: str) -> list[feedback_pb2.Feedback]:
    stub = feedback_pb2_grpc.FeedbackServiceStub(channel)
    answer = await stub.ListFeedback(feedback_pb2.ListFeedbackRequest(), metadata=bearer(token))
    return list(answer.feedback)
