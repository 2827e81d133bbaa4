"""The verifier service: checks the records of domains in DNS and their identities at SES."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.verifier.assemblies import checks, rpcs, ses
from services.verifier.config import Config


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service until the block ends; yield the port it listens on."""
    async with (
        open_platform(settings, "verifier") as platform,
        ses.opened(settings, platform) as ses_queries,
    ):
        dns_checks = checks.assembled(settings, platform, wake_ses_queries=ses_queries.wake)
        verifications = rpcs.assembled(platform, wake_checks=dns_checks.wake)
        async with serving(settings, platform, [ses_queries, dns_checks, verifications]) as port:
            yield port


if __name__ == "__main__":
    server.main(running, Config)
