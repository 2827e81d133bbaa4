"""What the scenarios with Resend's SDKs need: API keys, DNS, and waiting."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from cli.client import Services
from cli.installation import Installation
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest
from sandbox.client import SandboxClient
from tests.waiting import eventually

PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Stage:
    """The context of a scenario. Scenarios run in their own threads; the sandbox client runs in `loop`."""

    url: str
    key: str
    stranger_key: str
    sandbox: SandboxClient
    loop: asyncio.AbstractEventLoop

    def publish(self, records: list[dict[str, Any]]) -> None:
        """Publish records, with absolute names, as a customer would."""
        for each in records:
            work = self.sandbox.publish(
                each["type"], each["name"], each["value"], priority=each.get("priority", 0)
            )
            asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        work = eventually(lambda: asyncio.to_thread(holds), within=PATIENCE)
        asyncio.run_coroutine_threadsafe(work, self.loop).result()


async def a_stage(installation: Installation, admin: Services, sandbox: SandboxClient) -> Stage:
    """Return the context for a running installation, with the key of another, empty tenant."""
    tenant = (
        await admin.tenants.CreateTenant(CreateTenantRequest(name=f"strangers-{uuid4().hex[:8]}"))
    ).tenant
    request = CreateApiKeyRequest(tenant_id=tenant.id, name="story", scope=scope_pb2.SCOPE_FULL_ACCESS)
    stranger_key = (await admin.api_keys.CreateApiKey(request)).token
    return Stage(
        installation.console, installation.api_key, stranger_key, sandbox, asyncio.get_running_loop()
    )
