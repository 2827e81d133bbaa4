"""console at its door: its services are away, or only identity is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis import config
from chassis.access import Scope
from cli.server_process import HOST, free_port
from services.console.__main__ import Config, running
from services.identity import __main__ as identity
from services.identity.bootstrap import Keys
from services.identity.ses import SesSettings
from tests.factories import ACCOUNT, REGION, a_key, a_tenant
from tests.stores import FreshDatabase
from tests.streams import FreshStream

SECRET = "s" * 32


def settings(**more: Any) -> Config:
    """How the service is set up; its peers are where nobody listens."""
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
    }
    return Config(**{**given, **more})


@asynccontextmanager
async def a_console(**changes: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Runs the service; gives a client that a browser would be."""
    chosen = replace(settings(), **changes)
    async with (
        running(chosen) as port,
        httpx.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=20) as client,
    ):
        yield client


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at the door."""
    async with a_console() as client:
        yield client


@dataclass(frozen=True)
class Known:
    """A console whose identity runs, and the database behind it."""

    client: httpx.AsyncClient
    database: FreshDatabase

    async def a_key(self, scope: Scope = Scope.FULL_ACCESS, tenant: Any = None) -> str:
        """A key that lives, of a new tenant's or of this one's."""
        return await a_key(self.database, tenant or await a_tenant(self.database), scope)

    async def with_key(self) -> httpx.AsyncClient:
        """The client, with a key that lives."""
        self.client.headers["authorization"] = f"Bearer {await self.a_key()}"
        return self.client


@asynccontextmanager
async def an_identity(database: FreshDatabase, stream: FreshStream, port: int = 0) -> AsyncIterator[int]:
    """The identity service over this database; SES is away. Gives its port."""
    chosen = identity.Config(
        server=config.Server(grpc_port=port, grpc_host=HOST, drain=timedelta(seconds=1), grpc_plaintext=True),
        database=database.settings("identity"),
        nats=stream.settings("identity"),
        aws=config.AwsControl(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=f"http://{HOST}:1"),
        ses=SesSettings(),
        keys=Keys(),
    )
    async with identity.running(chosen) as bound:
        yield bound


@pytest.fixture
async def known(
    database: FreshDatabase, stream: FreshStream, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Known]:
    """A console that can tell live keys; verifier and sender are away."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    async with (
        an_identity(database, stream) as port,
        a_console(identity_address=f"{HOST}:{port}") as client,
    ):
        yield Known(client, database)
