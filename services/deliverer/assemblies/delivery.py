"""Delivery: messages are posted, and old ones deleted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.assembly import Assembly, Platform
from chassis.retention import Retention
from chassis.sealing import Seal
from chassis.time_limits import LONGEST
from services.deliverer.config import Config
from services.deliverer.posting import open_poster
from services.deliverer.store.attempts import AttemptStore
from services.deliverer.store.health import HealthStore
from services.deliverer.store.queue import MessageQueue
from services.deliverer.store.requests import RequestStore
from services.deliverer.store.retention import rules
from services.deliverer.worker import Delivery


@asynccontextmanager
async def delivery(settings: Config, platform: Platform) -> AsyncIterator[Assembly]:
    """Open the connections to endpoints while the block runs; yield the workers."""
    database, posting = platform.database, settings.posting
    async with open_poster(posting) as poster:
        worker = Delivery(
            MessageQueue(
                database,
                per_endpoint=posting.posts_per_endpoint,
                longest=posting.webhook_timeout * LONGEST,
            ),
            RequestStore(database),
            AttemptStore(database, HealthStore(platform.outbox)),
            poster,
            Seal(settings.webhook_keys),
            concurrency=posting.posts_at_once,
        )
        retention = Retention(database, rules(messages=settings.message_retention))
        yield Assembly(
            background=[
                worker.run,
                worker.requests.run,
                worker.set_aside.run,
                worker.gauges.run,
                retention.task.run,
            ],
            wakes=[
                ("deliverer_messages", worker.wake),
                ("webhooks_delivery_requests", worker.requests.wake),
            ],
        )
