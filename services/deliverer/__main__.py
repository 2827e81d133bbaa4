"""The deliverer service: posts events to customers' endpoints, signed, until they answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.deliverer.assemblies.delivery import delivery
from services.deliverer.assemblies.intake import intake
from services.deliverer.config import Config


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block exits; yield the port that it listens on."""
    async with (
        open_platform(settings, "deliverer") as platform,
        delivery(settings, platform) as posts,
        serving(settings, platform, [intake(platform), posts]) as port,
    ):
        yield port


if __name__ == "__main__":
    server.main(running, Config)
