"""The webhooks service: receives SES's feedback and publishes it as events; manages customers' endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.webhooks.assemblies.endpoints import endpoints
from services.webhooks.assemblies.feedback import feedback
from services.webhooks.assemblies.intake import intake
from services.webhooks.assemblies.upkeep import upkeep
from services.webhooks.config import Config
from services.webhooks.store.feedback import FeedbackStore
from services.webhooks.worker import FeedbackProcessor

SCHEMA = "webhooks"


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service for as long as the block runs; yield the port that it listens on."""
    async with open_platform(settings, SCHEMA) as platform:
        store = FeedbackStore(platform.database)
        processor = FeedbackProcessor(platform.database, store, platform.outbox)
        async with intake(settings, store, platform.memory, stored=processor.task.wake) as receiving:
            parts = [
                receiving,
                feedback(store, processor),
                endpoints(settings, platform),
                upkeep(settings, platform),
            ]
            async with serving(settings, platform, parts, regions=settings.aws.regions) as port:
                yield port


if __name__ == "__main__":
    server.main(running, Config)
