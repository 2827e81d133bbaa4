"""The verifier service: checks the records of domains in DNS and their identities at SES."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.verifier.assemblies.checks import checks
from services.verifier.assemblies.ses_queries import ses_queries
from services.verifier.assemblies.verifications import verifications
from services.verifier.config import Config


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block ends; yield the port it listens on."""
    async with (
        open_platform(settings, "verifier") as platform,
        ses_queries(settings, platform) as querying,
    ):
        checking = checks(settings, platform, wake_ses_queries=querying.wake)
        answering = verifications(platform, wake_checks=checking.wake)
        async with serving(
            settings,
            platform,
            [querying, checking, answering],
            service_key=settings.service_key,
            regions=settings.aws.regions,
        ) as port:
            yield port


if __name__ == "__main__":
    server.main(running, Config)
