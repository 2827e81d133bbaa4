"""Delivery, in one region: emails are submitted to SES, and attempts without an answer are resolved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.periodic import PeriodicTask
from chassis.threads import Executor
from services.sender.config import Config
from services.sender.ses import Ses
from services.sender.store.event_path import EventPathStore
from services.sender.store.feedback_liveness import FeedbackLivenessStore
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates
from services.sender.store.upkeep import UpkeepStore
from services.sender.worker.event_path import EventPath
from services.sender.worker.feedback_liveness import FeedbackLiveness
from services.sender.worker.heartbeat import Heartbeat
from services.sender.worker.resolution import Resolution
from services.sender.worker.submission import Worker

EVENT_PATH_CHECKS = timedelta(seconds=15)


@asynccontextmanager
async def delivery(
    settings: Config, platform: Platform, states: EmailStates, queue: QueueStore
) -> AsyncIterator[Assembly]:
    """Open the SES client while the block runs; yield the worker, heartbeats and resolution."""
    # One thread more than there are POSTs, so that a heartbeat never delays an email.
    async with Executor("ses", settings.ses_threads + 1) as executor:
        client = Ses(
            settings.region, configuration_set=settings.region_configuration_set, threads=settings.ses_threads
        )
        with closing(client) as ses:
            worker = Worker(
                platform.database,
                queue,
                states,
                ses,
                executor=executor,
                threads=settings.ses_threads,
                ses_region=settings.region.ses_region,
                memory=platform.memory,
            )
            heartbeat = _heartbeat(settings, platform, queue, ses, executor)
            resolving = _resolving(settings, platform, states, heartbeat)
            event_path = _event_path(settings, platform, heartbeat)
            yield Assembly(
                background=[
                    *([worker.loop.run] if settings.submitting else []),
                    *([heartbeat.task.run] if heartbeat else []),
                    resolving.run,
                    event_path.run,
                ],
                wakes=[("sender_emails", worker.loop.wake), ("webhooks_feedback", resolving.wake)],
            )


def _heartbeat(
    settings: Config, platform: Platform, queue: QueueStore, ses: Ses, executor: Executor
) -> Heartbeat | None:
    """Return the sender of heartbeats; None without a shared domain to send them from."""
    shared = settings.shared_sender
    if shared is None:
        return None
    region = settings.region.ses_region
    return Heartbeat(platform.database, queue, ses, executor, ses_region=region, domain=shared.domain)


def _resolving(
    settings: Config, platform: Platform, states: EmailStates, heartbeat: Heartbeat | None
) -> PeriodicTask:
    database, region, source = platform.database, settings.region.ses_region, settings.feedback_source
    liveness = FeedbackLiveness(
        database,
        FeedbackLivenessStore(database, region, source),
        settings.windows,
        heartbeat.send if heartbeat else None,
    )
    resolution = Resolution(
        database, UpkeepStore(database, region, source), states, liveness, windows=settings.windows
    )
    return PeriodicTask("resolution", resolution.resolve, interval=timedelta(seconds=1))


def _event_path(settings: Config, platform: Platform, heartbeat: Heartbeat | None) -> PeriodicTask:
    region, shared = settings.region.ses_region, settings.shared_sender
    path = EventPath(
        EventPathStore(platform.database, region, settings.feedback_source),
        region=region.region,
        shared_domain=shared.domain if shared else None,
        interval=settings.windows.event_path_interval,
        beat=heartbeat.send if heartbeat and settings.submitting else None,
    )
    return PeriodicTask("event path", path.check, interval=EVENT_PATH_CHECKS)
