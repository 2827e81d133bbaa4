"""Intake: SES's feedback arrives in the SQS queue and, if it has a port, at the HTTPS endpoint."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from chassis.assembly import Assembly
from chassis.aws import open_client
from services.webhooks.config import Config
from services.webhooks.intake.certificates import Signatures, open_signatures
from services.webhooks.intake.endpoint import CONFIRMATION_TIMEOUTS, CONFIRMATIONS, Posts, serving_posts
from services.webhooks.intake.queue import Poller, Reader, open_queue, topic
from services.webhooks.model.sns import Topic
from services.webhooks.store.feedback import FeedbackStore


@asynccontextmanager
async def intake(
    settings: Config, store: FeedbackStore, *, stored: Callable[[], None]
) -> AsyncIterator[Assembly]:
    """Serve the endpoint while the block runs; yield the pollers of the queue.

    Both call `stored` after they have stored notifications.
    """
    source = topic(settings.aws, settings.feedback)
    async with (
        open_queue(settings.aws, settings.feedback) as queue,
        open_signatures(source, settings.sns) as signatures,
        _endpoint(settings, source, signatures, store, stored=stored),
    ):
        reader = Reader(source, signatures, settings.feedback.feedback_signatures)
        poller = Poller(queue, store, reader, stored=stored)
        yield Assembly(background=[poller.run] * settings.feedback.feedback_pollers)


@asynccontextmanager
async def _endpoint(
    settings: Config,
    source: Topic,
    signatures: Signatures,
    store: FeedbackStore,
    *,
    stored: Callable[[], None],
) -> AsyncIterator[None]:
    port = settings.sns_endpoint.sns_port
    if port is None:
        yield
        return
    async with open_client(settings.aws, "sns", CONFIRMATION_TIMEOUTS, threads=CONFIRMATIONS) as sns:
        posts = Posts(
            source, signatures, sns, store, max_age=settings.sns_endpoint.sns_max_age, stored=stored
        )
        async with serving_posts(settings.server.grpc_host, port, posts):
            yield
