"""What the clients of this tier need: a running installation with a domain that is ready to send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from sandbox.client import Json, SandboxClient
from tests.clients.meaning import meaning_of
from tests.e2e.conftest import World, a_world
from tests.waiting import eventually

MINUTE = timedelta(minutes=1)
# As fast as a production account, so that a test does not wait for its send slot.
FAST = {"LETTERHEAD_SANDBOX_MAX_SEND_RATE": "200"}
MANY_REQUESTS = {"LETTERHEAD_API_REQUESTS_PER_SECOND": "1000"}


@dataclass(frozen=True)
class Stage:
    """A running installation as a client of Resend sees it, and the mailbox of its readers."""

    api: httpx.AsyncClient
    url: str
    key: str
    domain: str
    sandbox: SandboxClient
    receiver: str  # the URL of the sandbox's receiver of webhooks

    async def meanings(self, wanted: Json) -> Json:
        """Return what the emails say that were delivered to the addresses of `wanted`, in the same form."""
        delivered = await asyncio.gather(*map(self.delivered_to, wanted))
        return {
            address: meaning_of(email["raw"], wanted[address])
            for address, email in zip(wanted, delivered, strict=True)
        }

    async def delivered_to(self, address: str) -> Json:
        """Return the email that arrived at an address: as the mailbox shows it, with its bytes as `raw`."""

        async def arrived() -> Json | None:
            for each in await self.sandbox.emails(to=address):
                email = await self.sandbox.email(each["id"])
                if address in email["envelope_to"]:
                    return email
            return None

        email: Json = await eventually(arrived, MINUTE)
        return email | {"raw": await self.sandbox.raw(email["id"])}

    async def reads(self, email_id: str, wanted: Json) -> Json:
        """Return the fields of `wanted` from `GET /emails/{id}`; a time as given there, if it is the same."""
        email = (await self.api.get(f"/emails/{email_id}")).raise_for_status().json()
        return {name: _as_given(email[name], value) for name, value in wanted.items()}


def _as_given(read: Any, wanted: Any) -> Any:
    """Return a time as `wanted` writes it, if both are within a minute: relative times are a little later."""
    try:
        apart = datetime.fromisoformat(read) - datetime.fromisoformat(wanted)
    except (TypeError, ValueError):
        return read
    return wanted if abs(apart) < MINUTE else read


@asynccontextmanager
async def a_stage(home: Path) -> AsyncIterator[Stage]:
    """Start an installation and verify a domain in it, over the API."""
    async with a_world(home, 1, sandbox=FAST, console=MANY_REQUESTS) as world:
        headers = {"authorization": f"Bearer {world.installation.api_key}"}
        url = world.installation.console
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as api:
            domain = await _a_verified_domain(api, world)
            yield Stage(
                api, url, world.installation.api_key, domain, world.sandbox, world.installation.receiver
            )


async def _a_verified_domain(api: httpx.AsyncClient, world: World) -> str:
    zone = f"d{uuid4().hex[:12]}.com"
    name = f"mail.{zone}"
    path = f"/domains/{(await api.post('/domains', json={'name': name})).raise_for_status().json()['id']}"

    async def domain() -> Json:
        read: Json = (await api.get(path)).raise_for_status().json()
        return read

    async def records() -> list[Json]:
        return list((await domain())["records"])

    for each in await eventually(records, MINUTE):
        address = (each["type"], f"{each['name']}.{zone}", each["value"])
        await world.sandbox.publish(*address, priority=each.get("priority", 0))
    await api.post(f"{path}/verify")

    async def verified() -> bool:
        return bool((await domain())["status"] == "verified")

    await eventually(verified, MINUTE)
    return name
