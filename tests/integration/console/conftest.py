"""Fixtures that run console while all services are down, or only identity is up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis import config
from chassis.access import Scope
from chassis.assembly import open_platform, serving
from cli.server_process import HOST, free_port
from services.console.__main__ import running
from services.console.config import Config
from services.identity.__main__ import running as run_identity
from services.identity.config import Config as IdentityConfig
from services.identity.config import Keys, SesSettings
from services.verifier.assemblies.verifications import verifications
from services.verifier.config import Config as VerifierConfig
from services.verifier.config import ResolverSettings
from tests.factories import ACCOUNT, REGION, a_key, a_link, a_tenant
from tests.integration.console.situations import Situation, a_domain_in
from tests.stores import FreshDatabase
from tests.streams import FreshStream

SECRET = "s" * 32


def settings(**more: Any) -> Config:
    """Return the settings of the service; the addresses of its peers have no listener."""
    port = free_port()
    given = {
        "process": config.Process(),
        "tls": config.Tls(grpc_plaintext=True),
        "console_host": HOST,
        "console_port": port,
        "public_url": f"http://{HOST}:{port}",
        "session_secret": config.Secret(SECRET),
        "identity_address": f"{HOST}:1",
        "verifier_address": f"{HOST}:1",
        "sender_address": f"{HOST}:1",
        "webhooks_address": f"{HOST}:1",
    }
    return Config(**{**given, **more})


@asynccontextmanager
async def a_console(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service; yield an HTTP client for it."""
    chosen = replace(settings(), **changes)
    async with (
        running(chosen) as port,
        httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=20) as client,
    ):
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a console whose services are all down."""
    async with a_console() as client:
        yield client


@dataclass(frozen=True)
class Known:
    """A console whose identity service is up, and the database of identity."""

    client: httpx.AsyncClient
    database: FreshDatabase

    async def a_key(self, scope: Scope = Scope.FULL_ACCESS, tenant: Any = None) -> str:
        """Return a valid key of this tenant, or of a new one."""
        return await a_key(self.database, tenant or await a_tenant(self.database), scope)

    async def with_key(self) -> httpx.AsyncClient:
        """Return the client with a valid key."""
        self.client.headers["authorization"] = f"Bearer {await self.a_key()}"
        return self.client


@asynccontextmanager
async def an_identity(database: FreshDatabase, stream: FreshStream, port: int = 0) -> AsyncIterator[int]:
    """Run the identity service with this database while SES is down; yield its port."""
    chosen = IdentityConfig(
        server=config.Server(grpc_port=port, grpc_host=HOST, drain=timedelta(seconds=1), grpc_plaintext=True),
        database=database.settings("identity"),
        nats=stream.settings("identity"),
        aws=config.AwsControl(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=f"http://{HOST}:1"),
        ses=SesSettings(),
        keys=Keys(),
    )
    async with run_identity(chosen) as bound:
        yield bound


@pytest.fixture
async def known(
    database: FreshDatabase, stream: FreshStream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Known]:
    """Yield a console that can look up keys; verifier and sender are down."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    async with (
        an_identity(database, stream) as port,
        a_console(identity_address=f"{HOST}:{port}") as client,
    ):
        yield Known(client, database)


@asynccontextmanager
async def stored_verifications(database: FreshDatabase, stream: FreshStream) -> AsyncIterator[int]:
    """Serve verifier's RPCs from what is stored, without its checks; yield the port."""
    chosen = VerifierConfig(
        server=config.Server(grpc_port=0, grpc_host=HOST, drain=timedelta(seconds=1), grpc_plaintext=True),
        database=database.settings("verifier"),
        nats=stream.settings("verifier"),
        aws=config.AwsControl(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=f"http://{HOST}:1"),
        identity_address=f"{HOST}:1",
        service_key=config.Secret(""),
        dns=ResolverSettings(),
    )
    async with open_platform(chosen, "verifier") as platform:
        assemblies = [verifications(platform, wake_checks=lambda: None)]
        async with serving(chosen, platform, assemblies) as port:
            yield port


@dataclass(frozen=True)
class Customer:
    """A console that shows domains as they are stored, used by customers with links."""

    client: httpx.AsyncClient
    database: FreshDatabase

    async def a_link(self, situation: Situation, name: str | None = None) -> str:
        """Create a domain of a new tenant in a situation; return the path of a link to its page."""
        tenant_id = await a_tenant(self.database)
        domain = await a_domain_in(self.database, tenant_id, situation, name)
        return f"/d/{await a_link(self.database, domain)}"

    async def reads(self, situation: Situation) -> str:
        """Return the HTML of the page of a new domain in a situation."""
        response = await self.client.get(await self.a_link(situation), follow_redirects=True)
        assert response.status_code == httpx.codes.OK
        return response.text


@asynccontextmanager
async def a_customer(database: FreshDatabase, stream: FreshStream) -> AsyncIterator[Customer]:
    """Run a console with the services that its domain pages need; sender is down."""
    async with (
        an_identity(database, stream) as identity,
        stored_verifications(database, stream) as verifier,
        a_console(identity_address=f"{HOST}:{identity}", verifier_address=f"{HOST}:{verifier}") as client,
    ):
        yield Customer(client, database)


@pytest.fixture
async def customer(
    database: FreshDatabase, stream: FreshStream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Customer]:
    """Yield a customer of a console whose domains are in stored situations."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    async with a_customer(database, stream) as customer:
        yield customer
