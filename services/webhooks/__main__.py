"""The webhooks service: everything it is made of, and how it is put together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from chassis import config, server
from chassis.access import Access
from chassis.database import open_database
from chassis.events import Outbox, Relay, open_stream
from chassis.forgetting import Forgetting
from letterhead.webhooks.v1 import feedback_pb2, feedback_pb2_grpc
from services.webhooks import intake
from services.webhooks.servicer import FeedbackServicer
from services.webhooks.store.feedback import FeedbackStore
from services.webhooks.store.retention import rules
from services.webhooks.worker import Understanding

SCHEMA = "webhooks"
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the webhooks service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.Aws
    feedback: intake.Feedback
    notification_retention: timedelta = config.setting(
        30 * DAY, help="seconds that SES's notifications are kept as they arrived", minimum=DAY
    )
    feedback_retention: timedelta = config.setting(
        90 * DAY, help="seconds that feedback is kept", minimum=7 * DAY
    )


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service while the block does; gives the port it listens on."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.database, application_name=SCHEMA))
        stream = await stack.enter_async_context(open_stream(settings.nats))
        queue = await stack.enter_async_context(intake.open_queue(settings.aws, settings.feedback))
        store = FeedbackStore(database)
        understanding = Understanding(database, store, Outbox(SCHEMA))
        poller = intake.Intake(
            queue,
            store,
            topic_arn=intake.topic_arn(settings.aws, settings.feedback),
            stored=understanding.rounds.wake,
        )
        forgetting = Forgetting(
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
                    understanding.rounds.run,
                    forgetting.rounds.run,
                    Relay(database, stream, SCHEMA).run,
                ],
            )
        )


def _registration(servicer: FeedbackServicer) -> server.Registration:
    full_name = feedback_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name
    return server.Registration(feedback_pb2_grpc.add_FeedbackServiceServicer_to_server, servicer, full_name)


if __name__ == "__main__":
    server.main(running, Config)
