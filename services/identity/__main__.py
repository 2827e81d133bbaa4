"""The identity service: tenants, API keys, and domains with their identities at SES."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.identity.assemblies.administration import administration
from services.identity.assemblies.domains import domains
from services.identity.assemblies.provisioning import provisioning
from services.identity.config import Config


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block exits; yield the port that it listens on."""
    async with (
        open_platform(settings, "identity") as platform,
        provisioning(settings, platform) as identities,
    ):
        parts = [identities, domains(settings, platform), await administration(settings, platform)]
        async with serving(
            settings,
            platform,
            parts,
            service_key=settings.keys.service_key,
            regions=settings.aws.regions,
        ) as port:
            yield port


if __name__ == "__main__":
    server.main(running, Config)
