"""The sender service: accepts emails, submits them to SES, and applies SES's feedback."""

import os
import platform as machine
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis import server
from chassis.assembly import open_platform, serving
from services.sender.assemblies.acceptance import acceptance
from services.sender.assemblies.delivery import delivery
from services.sender.assemblies.feedback import feedback
from services.sender.assemblies.notices import notices
from services.sender.assemblies.reputation import reputation
from services.sender.assemblies.upkeep import upkeep
from services.sender.config import Config
from services.sender.store.queue import QueueStore
from services.sender.store.states import EmailStates


@asynccontextmanager
async def running(settings: Config) -> AsyncIterator[int]:
    """Run the service as long as the context is open; yield the port it listens on."""
    async with open_platform(settings, "sender") as platform:
        states = EmailStates(body_retention=settings.body_retention)
        queue = QueueStore(
            platform.database,
            states,
            settings.region.ses_region,
            shared=settings.shared_sender,
            worker=f"{machine.node()}:{os.getpid()}",
        )
        async with (
            delivery(settings, platform, states, queue) as delivering,
            reputation(settings, platform) as evaluating,
        ):
            assemblies = [
                acceptance(settings, platform, states),
                delivering,
                feedback(settings, platform, states),
                notices(settings, platform),
                evaluating,
                upkeep(settings, platform, states, queue),
            ]
            async with serving(
                settings,
                platform,
                assemblies,
                service_key=settings.service_key,
                regions=settings.aws.regions,
            ) as port:
                yield port


if __name__ == "__main__":
    server.main(running, Config)
