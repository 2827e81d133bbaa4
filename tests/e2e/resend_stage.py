"""Sets the stage for the stories told with Resend's SDKs: another team, the world's DNS, and patience."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from cli.client import Services
from cli.installation import Installation
from letterhead.identity.v1.api_keys_pb2 import ApiKey, CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from sandbox.client import SandboxClient
from tests.waiting import eventually

PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Stage:
    """What a story stands on. Stories run in threads of their own; the world, in this loop."""

    url: str
    key: str
    stranger_key: str
    sandbox: SandboxClient
    loop: asyncio.AbstractEventLoop

    def publish(self, records: list[dict[str, Any]]) -> None:
        """Publishes records, their names made absolute, as a customer would."""
        for each in records:
            work = self.sandbox.publish(
                each["type"], each["name"], each["value"], priority=each.get("priority", 0)
            )
            asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something is so."""
        work = eventually(lambda: asyncio.to_thread(holds), within=PATIENCE)
        asyncio.run_coroutine_threadsafe(work, self.loop).result()


async def a_stage(installation: Installation, admin: Services, sandbox: SandboxClient) -> Stage:
    """A stage in a running installation, with a team that has nothing yet."""
    tenant = (
        await admin.tenants.CreateTenant(CreateTenantRequest(name=f"strangers-{uuid4().hex[:8]}"))
    ).tenant
    wish = CreateApiKeyRequest(tenant_id=tenant.id, name="story", scope=ApiKey.SCOPE_FULL_ACCESS)
    stranger_key = (await admin.api_keys.CreateApiKey(wish)).token
    return Stage(
        installation.console, installation.api_key, stranger_key, sandbox, asyncio.get_running_loop()
    )
