"""The webhooks service: its settings, its parts and how they are wired together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from chassis import config, server
from chassis.access import Access
from chassis.database import open_database
from chassis.events import Outbox, Relay, open_stream
from chassis.retention import Retention
from letterhead.webhooks.v1 import feedback_pb2, feedback_pb2_grpc
from services.webhooks.intake import certificates, endpoint, queue, subscriptions
from services.webhooks.servicer import FeedbackServicer
from services.webhooks.store.feedback import FeedbackStore
from services.webhooks.store.retention import rules
from services.webhooks.worker import FeedbackProcessor

SCHEMA = "webhooks"
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the webhooks service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.Aws
    feedback: queue.Feedback
    sns: certificates.Sns = field(default_factory=certificates.Sns)
    sns_endpoint: endpoint.Endpoint = field(default_factory=endpoint.Endpoint)
    notification_retention: timedelta = config.setting(
        30 * DAY, help="seconds that SES's raw notifications are kept", minimum=DAY
    )
    feedback_retention: timedelta = config.setting(
        90 * DAY, help="seconds that feedback is kept", minimum=7 * DAY
    )


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service for as long as the block runs; yield the port that it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats, SCHEMA))
        source = await stack.enter_async_context(queue.open_queue(settings.aws, settings.feedback))
        topic = queue.topic(settings.aws, settings.feedback)
        signatures = await stack.enter_async_context(certificates.open_signatures(topic, settings.sns))
        store = FeedbackStore(database)
        processor = FeedbackProcessor(database, store, Outbox(SCHEMA))
        reader = queue.Reader(topic, signatures, settings.feedback.feedback_signatures)
        poller = queue.Intake(source, store, reader, stored=processor.task.wake)
        if settings.sns_endpoint.sns_port is not None:
            confirming = await stack.enter_async_context(subscriptions.open_subscriptions(settings.aws))
            posts = endpoint.Posts(
                topic, signatures, confirming, store,
                max_age=settings.sns_endpoint.sns_max_age, stored=processor.task.wake,
            )  # fmt: skip
            await stack.enter_async_context(
                endpoint.serving_posts(settings.server.grpc_host, settings.sns_endpoint.sns_port, posts)
            )
        retention = Retention(
            database,
            rules(notifications=settings.notification_retention, feedback=settings.feedback_retention),
        )
        pollers = [poller.run] * settings.feedback.feedback_pollers
        yield await stack.enter_async_context(
            server.serving(
                settings.server,
                database=database,
                access=Access(database),
                registrations=[_registration(FeedbackServicer(store))],
                background=[
                    *pollers,
                    processor.task.run,
                    retention.task.run,
                    Relay(database, stream, SCHEMA).run,
                ],
            )
        )


def _registration(servicer: FeedbackServicer) -> server.Registration:
    full_name = feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name
    return server.Registration(feedback_pb2_grpc.add_FeedbackServiceServicer_to_server, servicer, full_name)


if __name__ == "__main__":
    server.main(running, Config)
