"""The identities at SES: created, changed and repaired for claims, and deleted with the last one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from chassis.assembly import Assembly, Platform
from chassis.aws import open_client
from chassis.slots import Slots
from chassis.worker import LeaseLoop
from services.identity.config import Config
from services.identity.ses import THREADS, TIMEOUTS, Ses
from services.identity.store.claims import CHANNEL
from services.identity.store.deletions import DeletionStore
from services.identity.store.identities import IdentityStore
from services.identity.worker import IdentityWorker

PATIENCE = timedelta(seconds=30)  # longest wait for a slot; no identity is leased while waiting
IDLE = timedelta(milliseconds=500)  # bounds the delay of work that becomes due with time


@asynccontextmanager
async def provisioning(settings: Config, platform: Platform) -> AsyncIterator[Assembly]:
    """Open SES, and yield the loops that reconcile its identities and delete claims."""
    database, outbox, aws = platform.database, platform.outbox, settings.aws
    async with open_client(aws, "sesv2", TIMEOUTS, threads=THREADS) as client:
        store = IdentityStore(database, outbox, aws, inbound_mx=settings.inbound_mx)
        slots = Slots(
            database, aws.control_key, aws.aws_control_interval, patience=PATIENCE, group=platform.schema
        )
        worker = IdentityWorker(store, Ses(client, settings.ses), slots, slow_retry=settings.slow_retry)
        deletions = DeletionStore(database, outbox, aws)
        # One call at a time: concurrent calls would only share the one rate.
        identity_loop = LeaseLoop("identities", worker.lease, worker.step, concurrency=1, idle=IDLE)
        deletion_loop = LeaseLoop(
            "deletions", deletions.lease_due, deletions.delete, concurrency=2, idle=IDLE
        )
        yield Assembly(
            background=[identity_loop.run, deletion_loop.run],
            wakes=[(CHANNEL, identity_loop.wake), (CHANNEL, deletion_loop.wake)],
        )
