"""Intake: SES's feedback arrives in the SQS queue and, if it has a port, at the HTTPS endpoint."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from chassis.assembly import Assembly
from chassis.aws import AwsClient, open_client
from chassis.memory import BodyMemory
from chassis.regions import AwsRegion
from services.webhooks.config import Config
from services.webhooks.intake.certificates import Signatures, open_signatures
from services.webhooks.intake.endpoint import (
    CONFIRMATION_TIMEOUTS,
    CONFIRMATIONS,
    Posts,
    Source,
    serving_posts,
)
from services.webhooks.intake.event_bridge import RuleEvents
from services.webhooks.intake.poller import Poller, Reader
from services.webhooks.intake.queue import open_queue, rule, topic
from services.webhooks.intake.redrive import RedriveCheck
from services.webhooks.model.sns import Topic
from services.webhooks.store.feedback import FeedbackStore


@asynccontextmanager
async def intake(
    settings: Config, store: FeedbackStore, memory: BodyMemory, *, stored: Callable[[], None]
) -> AsyncIterator[Assembly]:
    """Serve the endpoint while the block runs; yield the pollers of each region's queue.

    Both call `stored` after they have stored notifications.
    """
    topics = [topic(each, settings.feedback) for each in settings.aws.regions]
    rules = [rule(each, settings.feedback) for each in settings.aws.regions]
    async with AsyncExitStack() as exits:
        signatures = [await exits.enter_async_context(open_signatures(each, settings.sns)) for each in topics]
        await exits.enter_async_context(_endpoint(settings, topics, signatures, store, memory, stored=stored))
        pollers, checks = [], []
        for region, source, proofs, events in zip(
            settings.aws.regions, topics, signatures, rules, strict=True
        ):
            queue = await exits.enter_async_context(open_queue(region, settings.feedback))
            rule_events = RuleEvents(queue, events, source)
            reader = Reader(source, proofs, rule_events, settings.feedback.feedback_signatures)
            pollers.append(Poller(queue, store, reader, stored=stored))
            checks.append(RedriveCheck(queue).task.run)
        # Each polls its own region's queue only, so that one that does not answer delays no other.
        polling = [each.run for each in pollers] * settings.feedback.feedback_pollers
        yield Assembly(background=[*polling, *checks])


@asynccontextmanager
async def _endpoint(
    settings: Config,
    topics: Sequence[Topic],
    signatures: Sequence[Signatures],
    store: FeedbackStore,
    memory: BodyMemory,
    *,
    stored: Callable[[], None],
) -> AsyncIterator[None]:
    port = settings.sns_endpoint.sns_port
    if port is None:
        yield
        return
    async with AsyncExitStack() as exits:
        sources = [
            Source(each, proofs, await exits.enter_async_context(_confirmations(region)))
            for region, each, proofs in zip(settings.aws.regions, topics, signatures, strict=True)
        ]
        posts = Posts(sources, store, memory.work, max_age=settings.sns_endpoint.sns_max_age, stored=stored)
        await exits.enter_async_context(serving_posts(settings.server.grpc_host, port, posts))
        yield


def _confirmations(region: AwsRegion) -> AbstractAsyncContextManager[AwsClient]:
    return open_client(region, "sns", CONFIRMATION_TIMEOUTS, threads=CONFIRMATIONS)
