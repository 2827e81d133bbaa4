"""The identities at SES: created, changed and repaired for claims, and deleted with the last one.

Each region has its own client, rate and loops, so that one that is slow or down does not delay the others.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.aws import open_client
from chassis.regions import AwsRegion
from chassis.slots import Slots
from chassis.worker import LeaseLoop
from services.identity.config import Config
from services.identity.model.domains import Claim
from services.identity.model.provisioning import Work
from services.identity.ses import THREADS, TIMEOUTS, Ses
from services.identity.store.claims import CHANNEL
from services.identity.store.deletions import DeletionStore
from services.identity.store.identities import IdentityStore
from services.identity.worker import IdentityWorker

PATIENCE = timedelta(seconds=30)  # longest wait for a slot; no identity is leased while waiting
IDLE = timedelta(milliseconds=500)  # bounds the delay of work that becomes due with time


@asynccontextmanager
async def provisioning(settings: Config, platform: Platform) -> AsyncIterator[Assembly]:
    """Open SES in every region, and yield the loops that reconcile its identities and delete claims."""
    async with AsyncExitStack() as exits:
        regions = settings.aws.regions
        loops = [loop for each in regions for loop in await _loops(settings, platform, each, exits)]
        yield Assembly(
            background=[loop.run for loop in loops], wakes=[(CHANNEL, loop.wake) for loop in loops]
        )


async def _loops(
    settings: Config, platform: Platform, region: AwsRegion, exits: AsyncExitStack
) -> tuple[LeaseLoop[Work], LeaseLoop[Claim]]:
    """Return the loops of one region; `exits` closes its client."""
    database, outbox, ses_region = platform.database, platform.outbox, region.ses_region
    client = await exits.enter_async_context(open_client(region, "sesv2", TIMEOUTS, threads=THREADS))
    slots = Slots(
        database,
        ses_region.control_key,
        settings.aws.aws_control_interval,
        patience=PATIENCE,
        group=platform.schema,
    )
    worker = IdentityWorker(
        IdentityStore(database, outbox, ses_region, inbound_mx=settings.inbound_mx),
        Ses(client, settings.ses.of(region)),
        slots,
        slow_retry=settings.slow_retry,
    )
    deletions = DeletionStore(database, outbox, ses_region)
    # One call at a time: concurrent calls would only share the one rate.
    identities = LeaseLoop("identities", worker.lease, worker.step, concurrency=1, idle=IDLE)
    deleting = LeaseLoop("deletions", deletions.lease_due, deletions.delete, concurrency=2, idle=IDLE)
    return identities, deleting
