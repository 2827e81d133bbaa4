"""Fixtures that run the identity service with real Postgres and NATS and a simulated SES."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import grpc
import pytest

from chassis import config
from chassis.access import Scope, generate_key
from chassis.database import open_database
from services.identity.__main__ import running
from services.identity.config import Config, Keys, SesSettings
from services.verifier.config import ResolverSettings
from services.verifier.resolver.resolver import Resolver
from services.verifier.store.claims import CLAIM_CHANGES, ClaimStore
from services.verifier.worker.prechecks import Prechecks
from tests.factories import ACCOUNT, REGION, a_key, a_tenant
from tests.integration.identity.callers import Caller
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

Json = dict[str, Any]
ALLOWED = ("127.0.0.0/8",)


@pytest.fixture
async def internet(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Return the simulated Internet, with AWS set up as an operator would set it up."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    await set_up(internet)
    return internet


async def set_up(internet: Internet) -> None:
    """Create the configuration set, which identity needs but may not create itself."""
    ses = internet.aws("sesv2")
    await asyncio.to_thread(ses.create_configuration_set, ConfigurationSetName="letterhead")
    ses.close()
    await internet.control.call("DELETE", "/ses/ledger")


@dataclass(frozen=True)
class Identity:
    """The identity service; each `start` runs one replica."""

    settings: Config
    database: FreshDatabase
    internet: Internet
    admin_token: str = field(default_factory=lambda: generate_key()[0])

    @asynccontextmanager
    async def start(self, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:
        """Run one replica with these changed settings; yield a channel to it."""
        async with (
            self.prechecks(),
            running(replace(self.settings, **changes)) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield channel

    @asynccontextmanager
    async def prechecks(self) -> AsyncIterator[None]:
        """Run verifier's DKIM prechecks, which new domains wait for."""
        dns = ResolverSettings(
            dns_roots=(self.internet.addresses.dns_root,),
            dns_port=self.internet.addresses.dns_port,
            dns_allowed_networks=ALLOWED,
            dns_timeout=timedelta(seconds=0.5),
        )
        stop = asyncio.Event()
        async with open_database(self.database.settings("verifier"), application_name="verifier") as database:
            prechecks = Prechecks(ClaimStore(database), Resolver(dns))
            async with database.listen(CLAIM_CHANGES, prechecks.loop.wake):
                running_ = asyncio.create_task(prechecks.loop.run(stop))
                yield
                stop.set()
                prechecks.loop.wake()
                await running_

    async def a_caller(self, channel: grpc.aio.Channel, scope: Scope = Scope.FULL_ACCESS) -> Caller:
        """Return a caller of a new tenant."""
        return Caller(channel, await a_key(self.database, await a_tenant(self.database), scope))

    async def controls(self, operation: str, name: str | None = None) -> list[Json]:
        """Return the calls of an operation that reached SES."""
        ledger = await self.internet.control.ledger()
        called = [each for each in ledger["controls"] if each["operation"] == operation]
        return [each for each in called if name in (None, each["name"])]

    async def at_ses(self, name: str) -> Json:
        """Return an identity as SES has it."""
        return await self.internet.control.call("GET", f"/ses/identities/{name}")

    async def as_made(self, name: str) -> Json:
        """Return the parts of an SES identity that change only by our calls, not by DNS."""
        now = await self.at_ses(name)
        unchanged = ("created_at", "tags", "tokens", "configuration_set", "mail_from_domain")
        return {part: now[part] for part in unchanged} | {
            part: now[part]["since"] for part in ("dkim", "mail_from")
        }

    async def change_at_ses(self, name: str, **changes: Any) -> None:
        """Fix parts of an SES identity independently of DNS, or change its tags."""
        await self.internet.control.call("PATCH", f"/ses/identities/{name}", changes)

    async def seed_at_ses(self, name: str, tag: str | None) -> None:
        """Create an identity at SES that this service did not create; `tag` is its letterhead tag, if any."""
        await self.internet.control.call("POST", "/ses/identities/seed", {"names": [name], "tag": tag})

    async def call_ses(self, operation: str, **arguments: Any) -> None:
        """Call SES directly, as an operator would do at the AWS console."""
        ses = self.internet.aws("sesv2")
        await asyncio.to_thread(getattr(ses, operation), **arguments)
        ses.close()

    async def fault(self, operation: str, kind: str, **more: Any) -> None:
        """Make an SES operation fail."""
        await self.internet.control.call("POST", "/ses/faults", {"operation": operation, "kind": kind} | more)

    async def end_faults(self) -> None:
        """Remove all SES faults."""
        await self.internet.control.call("DELETE", "/ses/faults")

    async def provisioned(self) -> None:
        """Wait until every SES identity matches its desired state; records are shown before that."""
        await eventually(self._is_provisioned, timedelta(seconds=30))

    async def _is_provisioned(self) -> bool:
        return not await self.database.fetch("SELECT FROM identity.ses_identities WHERE due_at IS NOT NULL")

    async def let_leases_end(self) -> None:
        """Expire the leases of dead workers and make pending retries due."""
        await self.database.execute(
            "UPDATE identity.ses_identities SET leased_until = NULL, due_at = least(due_at, now())"
        )


@pytest.fixture
def identity(database: FreshDatabase, stream: FreshStream, internet: Internet) -> Identity:
    """Return the service with the settings of this test, not started."""
    admin = generate_key()[0]
    settings = Config(
        server=config.Server(
            grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=3), grpc_plaintext=True
        ),
        database=database.settings("identity"),
        nats=stream.settings("identity"),
        aws=config.AwsControl(
            aws_region=REGION,
            aws_account=ACCOUNT,
            aws_endpoint_url=internet.addresses.ses,
            aws_control_interval=timedelta(milliseconds=10),
        ),
        ses=SesSettings(),
        slow_retry=timedelta(seconds=1),
        keys=Keys(admin_key=config.Secret(admin)),
    )
    return Identity(settings, database, internet, admin)


@pytest.fixture
async def channel(identity: Identity) -> AsyncIterator[grpc.aio.Channel]:
    """Return a channel to a running replica."""
    async with identity.start() as channel:
        yield channel


@pytest.fixture
async def caller(identity: Identity, channel: grpc.aio.Channel) -> Caller:
    """Return a caller of a new tenant, with scope FULL_ACCESS."""
    return await identity.a_caller(channel)


@pytest.fixture
async def other(identity: Identity, channel: grpc.aio.Channel) -> Caller:
    """Return a caller of another tenant."""
    return await identity.a_caller(channel)


@pytest.fixture
def admin(identity: Identity, channel: grpc.aio.Channel) -> Caller:
    """Return the operator as a caller."""
    return Caller(channel, identity.admin_token)
