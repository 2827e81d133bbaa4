"""Reputation: tenants whose emails bounce or draw complaints are warned, slowed down and paused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from chassis import channels
from chassis.assembly import Assembly, Platform
from chassis.client import call
from chassis.periodic import PeriodicTask
from letterhead.identity.v1 import tenants_pb2, tenants_pb2_grpc
from services.sender.config import Config
from services.sender.store.reputation import ReputationStore
from services.sender.worker.guard import Guard, Pause

PAUSE_DEADLINE = timedelta(seconds=5)


@asynccontextmanager
async def reputation(settings: Config, platform: Platform) -> AsyncIterator[Assembly]:
    """Connect to identity while the block runs; yield the task that evaluates tenants."""
    async with _pausing(settings) as pause:
        guard = Guard(ReputationStore(platform.database), pause)
        task = PeriodicTask("reputation", guard.evaluate, interval=settings.reputation_interval)
        yield Assembly(background=[task.run])


@asynccontextmanager
async def _pausing(settings: Config) -> AsyncIterator[Pause | None]:
    """Connect to identity, the only service that may pause tenants; yield None without an address or key."""
    if settings.identity_address is None or settings.service_key is None:
        yield None
        return
    key = settings.service_key.reveal()
    async with channels.opened(settings.identity_address, settings.server) as channel:
        stub = tenants_pb2_grpc.TenantServiceStub(channel)

        async def pause(tenant_id: UUID, reason: str) -> None:
            request = tenants_pb2.PauseTenantRequest(tenant_id=str(tenant_id), reason=reason)
            await call(stub.PauseTenant, request, key=key, deadline=PAUSE_DEADLINE)

        yield pause
