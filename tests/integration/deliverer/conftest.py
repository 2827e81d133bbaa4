"""Fixtures that run webhooks and deliverer with the sandbox's receiver; tests publish the events."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from google.protobuf.message import Message
from standardwebhooks import Webhook

from chassis import config
from chassis.access import Scope
from chassis.assembly import open_platform, serving
from chassis.background import supervised
from chassis.events import Event, Outbox, Relay, open_stream
from chassis.sealing import generate_key
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from letterhead.webhooks.v1.webhook_service_pb2_grpc import WebhookServiceStub
from services.deliverer import __main__ as deliverer
from services.deliverer import config as deliverer_config
from services.webhooks import config as webhooks_config
from services.webhooks.assemblies.endpoints import endpoints
from tests.factories import a_key, a_tenant, bearer
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

Metadata = tuple[tuple[str, str]]


@dataclass(frozen=True)
class Settings:
    """The settings of both services for one test."""

    webhooks: webhooks_config.Endpoints
    deliverer: deliverer_config.Config
    server: config.Server


@dataclass
class Hooks:
    """Both services, a tenant with a key, and the receiver."""

    database: FreshDatabase
    stream: FreshStream
    internet: Internet
    settings: Settings
    tenant_id: UUID
    key: Metadata
    stub: Any  # the types of stubs are those of synchronous calls
    port: int  # of webhooks

    def url(self, path: str) -> str:
        """Return the URL of a path of the receiver."""
        return f"{self.internet.addresses.receiver}{path}"

    async def create(self, path: str, *types: str, **more: Any) -> pb.Endpoint:
        """Create an endpoint at a path of the receiver."""
        numbers = [pb.EventType.Value(f"EVENT_TYPE_{each}") for each in types]
        request = pb.CreateEndpointRequest(url=self.url(path), event_types=numbers, **more)
        endpoint: pb.Endpoint = (await self.stub.CreateEndpoint(request, metadata=self.key)).endpoint
        return endpoint

    async def publish(
        self, *messages: Message, tenant_id: UUID | None = None, schema: str = "sender"
    ) -> None:
        """Publish events of the tenant, as the service that owns them does."""
        outbox = Outbox(schema)
        async with self.database.open(schema) as database:
            for message in messages:
                _belong_to(message, tenant_id or self.tenant_id)
                async with database.transaction() as connection:
                    await outbox.write(connection, Event(message, tenant_id or self.tenant_id, resource="x"))
            async with open_stream(self.stream.settings(schema), schema) as stream:
                relay = Relay(database, stream, schema)
                stop = asyncio.Event()
                async with supervised([relay.run], stop, drain=timedelta(seconds=2)):
                    await eventually(lambda: self._relayed(schema))

    async def _relayed(self, schema: str) -> bool:
        rows = await self.database.fetch(f"SELECT FROM {schema}.outbox WHERE published_at IS NULL LIMIT 1")
        return not rows

    async def posts(self, path: str, count: int = 1, within: float = 15) -> list[dict[str, Any]]:
        """Wait until a path has received so many posts, and return them."""

        async def arrived() -> list[dict[str, Any]]:
            posts = await self.internet.control.posts(path)
            return posts if len(posts) >= count else []

        return await eventually(arrived, within=timedelta(seconds=within))

    async def event(self, endpoint: pb.Endpoint) -> pb.EndpointEvent:
        """Return the only event of an endpoint."""
        request = pb.ListEventsRequest(endpoint_id=endpoint.id)
        events = (await self.stub.ListEvents(request, metadata=self.key)).events
        assert len(events) == 1
        event: pb.EndpointEvent = events[0]
        return event

    async def attempts(self, endpoint: pb.Endpoint, event_id: str) -> list[pb.Attempt]:
        """Return the attempts of an event, newest first."""
        request = pb.ListAttemptsRequest(endpoint_id=endpoint.id, event_id=event_id)
        return list((await self.stub.ListAttempts(request, metadata=self.key)).attempts)

    async def becomes(self, endpoint: pb.Endpoint, state: str) -> pb.EndpointEvent:
        """Wait until the only event of an endpoint is in a state, and return it."""

        async def reached() -> pb.EndpointEvent | None:
            event = await self.event(endpoint)
            return event if pb.EndpointEvent.State.Name(event.state) == f"STATE_{state}" else None

        return await eventually(reached, within=timedelta(seconds=15))


def _belong_to(message: Any, tenant_id: UUID) -> None:
    """Set the tenant in the data of an event, which consumers compare with that of its envelope."""
    part = next((name for name in ("email", "domain") if name in message.DESCRIPTOR.fields_by_name), None)
    (getattr(message, part) if part else message).tenant_id = str(tenant_id)


def verified(post: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """Return the payload of a post that the official library verifies with a secret."""
    content: dict[str, Any] = Webhook(secret).verify(post["body"], post["headers"])
    assert content == json.loads(post["body"])
    return content


@pytest.fixture
def settings(database: FreshDatabase, stream: FreshStream, internet: Internet, tmp_path: Any) -> Settings:
    """Return settings that let both services use the receiver."""
    key = config.Secret(generate_key())
    port = internet.addresses.receiver.rpartition(":")[2]
    allowed: dict[str, Any] = {"webhook_ports": ("443", port), "webhook_allowed_networks": ("127.0.0.0/8",)}
    server: dict[str, Any] = {
        "grpc_port": 0,
        "grpc_host": "127.0.0.1",
        "drain": timedelta(seconds=3),
        "grpc_plaintext": True,
    }
    return Settings(
        webhooks=webhooks_config.Endpoints(webhook_keys=key, **allowed),
        deliverer=deliverer_config.Config(
            server=deliverer_config.Server(**server),
            database=database.settings("deliverer"),
            nats=stream.settings("deliverer"),
            webhook_keys=key,
            posting=deliverer_config.Posting(
                webhook_ca_file=Path(internet.addresses.sns_ca_file),
                webhook_nameserver=f"{internet.addresses.dns_recursor}:{internet.addresses.dns_port}",
                webhook_timeout=timedelta(seconds=2),
                **allowed,
            ),
        ),
        server=config.Server(**server),
    )


@asynccontextmanager
async def webhook_service(
    settings: Settings, database: FreshDatabase, stream: FreshStream
) -> AsyncIterator[int]:
    """Run WebhookService alone, and yield its port."""

    @dataclass(frozen=True)
    class Own:
        server: config.Server
        database: config.Database
        nats: config.Nats
        endpoints: webhooks_config.Endpoints

    own = Own(settings.server, database.settings("webhooks"), stream.settings("webhooks"), settings.webhooks)
    async with (
        open_platform(own, "webhooks") as platform,
        serving(own, platform, [endpoints(own, platform)]) as port,  # type: ignore[arg-type]
    ):
        yield port


@pytest.fixture
async def idle_hooks(
    settings: Settings, database: FreshDatabase, stream: FreshStream, internet: Internet
) -> AsyncIterator[Hooks]:
    """Return a tenant with WebhookService; deliverer is not running."""
    tenant_id = await a_tenant(database)
    key = bearer(await a_key(database, tenant_id, Scope.FULL_ACCESS))
    async with (
        webhook_service(settings, database, stream) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Hooks(database, stream, internet, settings, tenant_id, key, WebhookServiceStub(channel), port)


@pytest.fixture
async def hooks(idle_hooks: Hooks) -> AsyncIterator[Hooks]:
    """Return a tenant with WebhookService and a running deliverer."""
    async with deliverer.running(idle_hooks.settings.deliverer):
        yield idle_hooks
