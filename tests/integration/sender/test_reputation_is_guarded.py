"""A tenant whose email bounces is warned, then paused by the real identity service; no other tenant is."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
import pytest

from chassis import config
from chassis.access import Scope, generate_key
from cli.server_process import free_port
from letterhead.identity.v1.tenants_pb2 import GetTenantRequest, ResumeTenantRequest, Tenant
from letterhead.sender.v1.emails_pb2 import Email
from services.identity.__main__ import running as run_identity
from services.identity.config import Config as IdentityConfig
from services.identity.config import Keys, SesSettings
from tests.factories import a_key, a_tenant
from tests.figures import Figure
from tests.integration.identity.callers import Caller as IdentityCaller
from tests.integration.identity.callers import refused
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender, State, becomes
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.waiting import eventually

INTERVAL = timedelta(seconds=0.2)
# An email of a tenant ($1) to 100 recipients, of whom 10 bounced.
STRUCK = """
WITH email AS (
    INSERT INTO sender.emails
        (id, tenant_id, claim_id, from_address, subject, size, expires_at, state, sent_at)
    SELECT chassis.first_id(now()), $1, gen_random_uuid(), '', 'Hello', 1, now(), 'SENT', now()
    RETURNING id
), recipients AS (
    INSERT INTO sender.recipients (email_id, position, kind, address, match)
    SELECT id, n, 'TO', n || '@example.com', n || '@example.com' FROM email, generate_series(1, 100) AS n
)
INSERT INTO sender.strikes (email_id, match, kind, tenant_id)
SELECT id, n || '@example.com', 'BOUNCE', $1 FROM email, generate_series(1, 10) AS n
"""


@dataclass(frozen=True)
class World:
    """Sender and identity, with an operator's client and a publisher of feedback."""

    sender: Sender
    channel: grpc.aio.Channel
    operator: IdentityCaller
    feedback_source: FeedbackSource

    async def a_mailing(self, tenant_id: UUID, readers: list[str]) -> tuple[Caller, list[Email]]:
        """Send to many recipients, fifty per email, and return the emails once they are sent."""
        caller = await self.sender.a_caller(self.channel, tenant_id)
        domain = await self.sender.a_ready_domain(tenant_id)
        emails = [
            await caller.send(f"agent@{domain.name}", readers[start : start + 50])
            for start in range(0, len(readers), 50)
        ]
        return caller, [await becomes(caller, email, State.STATE_SENT) for email in emails]

    async def tenant(self, tenant_id: UUID) -> Tenant:
        """Return a tenant as identity shows it."""
        request = GetTenantRequest(tenant_id=str(tenant_id))
        answer: Tenant = (await self.operator.tenants.GetTenant(request)).tenant
        return answer

    async def becomes(self, tenant_id: UUID, state: "Tenant.State.ValueType") -> Tenant:
        """Wait until the tenant is in a state and return it."""

        async def now() -> Tenant:
            found = await self.tenant(tenant_id)
            assert found.state == state
            return found

        return await eventually(now)


@asynccontextmanager
async def an_identity(sender: Sender, keys: Keys) -> AsyncIterator[int]:
    """Run the real identity service beside this sender and yield its port."""
    settings = IdentityConfig(
        server=config.Server(
            grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=3), grpc_plaintext=True
        ),
        database=sender.database.settings("identity"),
        nats=sender.stream.settings("identity"),
        aws=config.AwsControl(**asdict(sender.settings.aws)),
        ses=SesSettings(),
        keys=keys,
    )
    async with run_identity(settings) as port:
        yield port


@pytest.fixture
async def world(sender: Sender) -> AsyncIterator[World]:
    admin, service = generate_key()[0], config.Secret(generate_key()[0])
    async with an_identity(sender, Keys(admin_key=config.Secret(admin), service_key=service)) as port:
        address = f"127.0.0.1:{port}"
        peers: dict[str, Any] = {"identity_address": address, "service_key": service}
        async with (
            sender.start(**peers, reputation_interval=INTERVAL) as channel,
            grpc.aio.insecure_channel(address) as to_identity,
            open_feedback_source(sender.stream) as feedback_source,
        ):
            yield World(sender, channel, IdentityCaller(to_identity, admin), feedback_source)


def readers(count: int) -> list[str]:
    return [f"reader{number}@example.com" for number in range(count)]


async def test_a_tenant_is_warned_then_paused_and_another_tenant_is_not(world: World, figure: Figure) -> None:
    bad, good = [await a_tenant(world.sender.database) for _ in range(2)]
    caller, [first, *_] = await world.a_mailing(bad, readers(150))
    other, _ = await world.a_mailing(good, readers(150))

    for reader in readers(10):  # 6.7 %
        await world.feedback_source.of(first, "bounce", reader)
    [warned] = await world.sender.events("tenant.warned")
    assert warned["data"]["tenantId"] == str(bad)
    assert warned["data"]["reason"] == "REPUTATION_REASON_BOUNCES"
    assert "6.67% of the recipients of the last 7 days hard bounced (10 of 150)" in warned["data"]["message"]
    assert (await world.tenant(bad)).state == Tenant.STATE_ACTIVE

    start = time.monotonic()
    for reader in readers(12)[10:]:  # 8 %
        await world.feedback_source.of(first, "bounce", reader)
    paused = await world.becomes(bad, Tenant.STATE_PAUSED)
    figure(
        f"reputation: paused {time.monotonic() - start:.2f} s after the bounce that crossed the limit, "
        f"checked every {INTERVAL.total_seconds()} s; another tenant was not"
    )
    assert "8.00% of the recipients" in paused.pause_reason
    [event] = await world.sender.events("tenant.paused")
    assert event["data"]["message"] == paused.pause_reason
    rejection = await refused(caller.send(getattr(first, "from").address))
    assert rejection.reason == "TENANT_PAUSED"
    assert (await world.tenant(good)).state == Tenant.STATE_ACTIVE
    assert len(await world.sender.events("tenant.warned")) == 1
    assert other is not caller


async def test_a_tenant_is_slowed_down_before_it_is_paused_and_restored_later(world: World) -> None:
    database = world.sender.database
    tenant_id = await a_tenant(database)
    caller, [first, *_] = await world.a_mailing(tenant_id, readers(200))
    for reader in readers(10):  # 5 %
        await world.feedback_source.of(first, "bounce", reader)

    [slowed] = await world.sender.events("tenant.slowed")
    assert slowed["data"]["tenantId"] == str(tenant_id)
    allowance = (await world.tenant(tenant_id)).allowance
    assert (allowance.max_send_rate, allowance.slow_reason) == (1, slowed["data"]["message"])
    assert (await world.tenant(tenant_id)).state == Tenant.STATE_ACTIVE
    address = getattr(first, "from").address
    waiting = [await caller.send(address, f"reader{number}@example.com") for number in range(190, 195)][-1]

    async def waits() -> bool:
        note = (await caller.get(waiting.id)).state_message
        return "the tenant is throttled. 5.00% of the recipients" in note

    await eventually(waits)

    await database.execute("DELETE FROM sender.strikes")  # as by retention; then the slowdown is over
    await database.execute("UPDATE sender.reputations SET slowed_until = now()")

    [restored] = await world.sender.events("tenant.restored")
    assert restored["data"]["tenantId"] == str(tenant_id)
    assert not (await world.tenant(tenant_id)).allowance.HasField("max_send_rate")
    assert len(await world.sender.events("tenant.slowed")) == 1


async def test_email_accepted_before_a_pause_does_not_count_after_it(world: World) -> None:
    tenant_id = await a_tenant(world.sender.database)
    caller, [first, second, _] = await world.a_mailing(tenant_id, readers(150))
    for reader in readers(20):
        await world.feedback_source.of(first, "complaint", reader)
    await world.becomes(tenant_id, Tenant.STATE_PAUSED)

    await world.operator.tenants.ResumeTenant(ResumeTenantRequest(tenant_id=str(tenant_id)))
    await world.feedback_source.of(
        second, "bounce", "reader60@example.com"
    )  # late feedback on email from before the pause

    async def struck() -> bool:
        rows = await world.sender.database.fetch("SELECT FROM sender.strikes")
        return len(rows) == 21

    await eventually(struck)
    await becomes(
        caller, await caller.send(getattr(first, "from").address, "new@example.com"), State.STATE_SENT
    )
    assert (await world.tenant(tenant_id)).state == Tenant.STATE_ACTIVE
    assert len(await world.sender.events("tenant.paused")) == 1


async def test_the_simulator_counts_neither_for_nor_against(world: World) -> None:
    tenant_id, other = [await a_tenant(world.sender.database) for _ in range(2)]
    simulated = [f"bounce+{number}@simulator.amazonses.com" for number in range(100)]
    _, emails = await world.a_mailing(tenant_id, simulated + readers(150))
    for email in emails[:2]:
        await world.feedback_source.of(email, "bounce", *(each.address.address for each in email.recipients))
    for reader in readers(12):  # 8 % of 150, though 4.8 % of 250
        await world.feedback_source.of(emails[2], "bounce", reader)

    paused = await world.becomes(tenant_id, Tenant.STATE_PAUSED)

    assert "(12 of 150)" in paused.pause_reason
    assert (await world.tenant(other)).state == Tenant.STATE_ACTIVE


async def test_a_service_key_may_not_resume_tenants(world: World) -> None:
    """It may only pause them."""
    tenant_id = await a_tenant(world.sender.database)
    token = await a_key(world.sender.database, await a_tenant(world.sender.database), Scope.SERVICE)
    service = IdentityCaller(world.operator.channel, token)

    rejection = await refused(service.tenants.ResumeTenant(ResumeTenantRequest(tenant_id=str(tenant_id))))

    assert rejection.reason == "SCOPE_TOO_SMALL"


async def test_each_tenant_that_cannot_be_paused_is_slowed_down(sender: Sender) -> None:
    """While identity is unavailable, every call to pause a tenant fails."""
    tenants = [await a_tenant(sender.database) for _ in range(2)]
    peers: dict[str, Any] = {
        "identity_address": f"127.0.0.1:{free_port()}",
        "service_key": config.Secret(generate_key()[0]),
    }
    async with sender.start(**peers, reputation_interval=INTERVAL):
        for tenant_id in tenants:
            await sender.database.execute(STRUCK, tenant_id)
        slowed = await sender.events("tenant.slowed", 2)

    assert {each["data"]["tenantId"] for each in slowed} == {str(each) for each in tenants}
