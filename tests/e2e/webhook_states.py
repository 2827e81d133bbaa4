"""Webhook endpoints in every state that their pages show, reached by what their receiver answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from cli.client import Services, connect
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.e2e.conftest import World
from tests.e2e.tenants import a_tenant_key
from tests.waiting import eventually

HOST = "hooks.letterhead-mailbox.com"
POSTED_WITHIN = timedelta(seconds=60)
MORE_THAN_A_PAGE = 51
BROKEN: Mapping[str, Any] = {"status": 500, "body": "<h1>Internal Server Error</h1>\n"}

# Time that has passed: an endpoint that fails for longer, and an event that is before its last attempt.
FAILING = """
    INSERT INTO deliverer.endpoint_health (endpoint_id, tenant_id, failing_since, failures)
    SELECT id, tenant_id, now() - $2::interval, 12 FROM webhooks.endpoints WHERE id = $1
"""
LAST_ATTEMPT = "UPDATE deliverer.messages SET retries = 14, due_at = now() WHERE endpoint_id = $1"


@dataclass(frozen=True)
class WebhookPages:
    """The path of every page about webhooks, by name, and the key that opens them."""

    key: str
    paths: dict[str, str]


async def webhook_pages(world: World) -> WebhookPages:
    """Create a tenant with an endpoint in each state."""
    key = await a_tenant_key(world, f"hooks {uuid4().hex[:8]}")
    await world.sandbox.publish("A", HOST, "127.0.0.1")
    database = await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
    try:
        async with connect(world.installation, key) as services:
            endpoints = Endpoints(world, services, database)
            return WebhookPages(key, await endpoints.paths())
    finally:
        await database.close()


class Endpoints:
    """Creates the endpoints of one tenant."""

    def __init__(self, world: World, services: Services, database: asyncpg.Connection) -> None:
        self._world = world
        self._services = services
        self._database = database

    async def paths(self) -> dict[str, str]:
        """Create an endpoint in each state; return the paths of their pages."""
        busy, broken, gone, down = await asyncio.gather(
            self._create(), self._create(**BROKEN), self._create(status=410), self._create(**BROKEN)
        )
        quiet, stopped, warned = await asyncio.gather(*(self._create(**BROKEN) for _ in range(3)))
        await self._database.execute(FAILING, down.id, timedelta(days=5, minutes=1))
        await self._database.execute(FAILING, warned.id, timedelta(hours=25))
        await asyncio.gather(*(self._test(busy) for _ in range(MORE_THAN_A_PAGE)))
        delivered = await self._event(busy, pb.EndpointEvent.STATE_DELIVERED)
        retried, unsent, *_ = await asyncio.gather(
            self._tested(broken), self._tested(gone, pb.EndpointEvent.STATE_UNSENT), self._tested(warned),
            self._tested(down, pb.EndpointEvent.STATE_UNSENT), self._tested(stopped),
        )  # fmt: skip
        await self._database.execute(LAST_ATTEMPT, stopped.id)
        failed = await self._event(stopped, pb.EndpointEvent.STATE_FAILED)
        await self._services.webhooks.RotateSecret(pb.RotateSecretRequest(endpoint_id=quiet.id))
        await self._disable(stopped)
        here = "/app/webhooks"
        return {
            "webhooks": here,
            "webhook_new": f"{here}/new",
            "webhook": f"{here}/{busy.id}",
            "webhook_nothing_found": f"{here}/{busy.id}?state=UNSENT",
            "webhook_edit": f"{here}/{busy.id}/edit",
            "webhook_delete": f"{here}/{busy.id}/delete",
            "webhook_rotated": f"{here}/{quiet.id}?done=rotated",
            "webhook_failing": f"{here}/{broken.id}",
            "webhook_warned": f"{here}/{warned.id}",
            "webhook_gone": f"{here}/{gone.id}",
            "webhook_down": f"{here}/{down.id}",
            "webhook_disabled": f"{here}/{stopped.id}",
            "webhook_event": f"{here}/{busy.id}/events/{delivered.id}",
            "webhook_event_retried": f"{here}/{broken.id}/events/{retried.id}",
            "webhook_event_unsent": f"{here}/{gone.id}/events/{unsent.id}",
            "webhook_event_failed": f"{here}/{stopped.id}/events/{failed.id}",
        }

    async def _create(self, **behavior: Any) -> pb.Endpoint:
        """Create an endpoint whose receiver behaves in this way."""
        path, port = f"/{uuid4().hex}", self._world.installation.receiver.rpartition(":")[2]
        await self._world.sandbox.behave(path, **behavior)
        request = pb.CreateEndpointRequest(
            url=f"https://{HOST}:{port}{path}",
            event_types=[pb.EVENT_TYPE_EMAIL_BOUNCED, pb.EVENT_TYPE_DOMAIN_READY],
        )
        created: pb.Endpoint = (await self._services.webhooks.CreateEndpoint(request)).endpoint
        return created

    async def _test(self, endpoint: pb.Endpoint) -> None:
        await self._services.webhooks.SendTest(pb.SendTestRequest(endpoint_id=endpoint.id))

    async def _tested(
        self,
        endpoint: pb.Endpoint,
        state: pb.EndpointEvent.State.ValueType = pb.EndpointEvent.STATE_PENDING,
    ) -> pb.EndpointEvent:
        """Send a test event; return it once it was posted and has this state."""
        await self._test(endpoint)
        return await self._event(endpoint, state)

    async def _event(
        self, endpoint: pb.Endpoint, state: pb.EndpointEvent.State.ValueType
    ) -> pb.EndpointEvent:
        request = pb.ListEventsRequest(endpoint_id=endpoint.id, states=[state])

        async def found() -> pb.EndpointEvent | None:
            events = (await self._services.webhooks.ListEvents(request)).events
            return next((each for each in events if each.attempts), None)

        return await eventually(found, POSTED_WITHIN)

    async def _disable(self, endpoint: pb.Endpoint) -> None:
        disabled = pb.Endpoint(id=endpoint.id, state=pb.Endpoint.STATE_DISABLED)
        request = pb.UpdateEndpointRequest(endpoint=disabled)
        request.update_mask.paths.append("state")
        await self._services.webhooks.UpdateEndpoint(request)
