"""Fixtures: the verifier service with its callers, a fake identity service and the sandbox's Internet."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis import config
from sandbox.dns import Internet as NameServers
from services.verifier.config import Config, ResolverSettings
from services.verifier.resolver.resolver import Resolver
from tests.factories import ACCOUNT, REGION
from tests.integration.verifier.repairs import Repairs, serving_repairs
from tests.integration.verifier.world import Tenant, World
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream

ALLOWED = ("127.0.0.0/8",)


@pytest.fixture
async def name_servers() -> AsyncIterator[NameServers]:
    """Yield running name servers without the rest of the sandbox."""
    name_servers = NameServers()
    async with name_servers.listening():
        yield name_servers


@pytest.fixture
def resolver(name_servers: NameServers) -> Resolver:
    """Return a resolver that knows only their root and has a short timeout."""
    return Resolver(
        ResolverSettings(
            dns_roots=(name_servers.root,),
            dns_port=name_servers.port,
            dns_allowed_networks=ALLOWED,
            dns_timeout=timedelta(seconds=0.2),
        )
    )


@pytest.fixture
async def repairs() -> AsyncIterator[Repairs]:
    """Yield a fake identity service that records repair requests."""
    async with serving_repairs() as repairs:
        yield repairs


@pytest.fixture
def world(
    database: FreshDatabase,
    stream: FreshStream,
    internet: Internet,
    repairs: Repairs,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    """Return the service's settings and its surroundings; the service is not started yet."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    settings = Config(
        server=config.Server(
            grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=3), grpc_plaintext=True
        ),
        database=database.settings("verifier"),
        nats=stream.settings("verifier"),
        aws=config.AwsControl(
            aws_region=REGION,
            aws_account=ACCOUNT,
            aws_endpoint_url=internet.addresses.ses,
            aws_control_interval=timedelta(milliseconds=20),
        ),
        identity_address=repairs.address,
        service_key=config.Secret(repairs.key),
        dns=ResolverSettings(
            dns_roots=(internet.addresses.dns_root,),
            dns_port=internet.addresses.dns_port,
            dns_allowed_networks=ALLOWED,
            dns_timeout=timedelta(seconds=0.5),
        ),
    )
    return World(settings, database, stream, internet, repairs)


@pytest.fixture
async def tenant(world: World) -> AsyncIterator[Tenant]:
    """Yield a tenant with a full_access key at a running replica."""
    async with world.a_tenant() as tenant:
        yield tenant
