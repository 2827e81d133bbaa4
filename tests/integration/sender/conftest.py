"""The whole sender service, with callers, a simulated SES, and the rows that other services would write."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from chassis import config
from chassis.access import Scope
from chassis.ids import uuid7
from letterhead.sender.v1.emails_pb2 import Email
from services.sender.__main__ import running
from services.sender.config import Config, Limits, Server, Shared, Windows
from tests.factories import ACCOUNT, REGION, Domain, a_key, a_pending_domain, a_ready_domain, a_tenant
from tests.integration.sender.callers import Caller
from tests.internet import Internet
from tests.stores import FreshDatabase
from tests.streams import FreshStream
from tests.waiting import eventually

Json = dict[str, Any]
State = Email.State

SHARED_DOMAIN = "send.e2a.dev"
# Heartbeats at other times would consume the faults that are meant for an email.
QUIET = Windows(event_path_interval=timedelta(0))
SHORT = replace(QUIET, unknown_window=timedelta(seconds=0.2), resend_window=timedelta(seconds=0.2))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pairs", type=int, default=500, help="pairs of equal concurrent requests; 10000 take minutes"
    )


@dataclass(frozen=True)
class Sender:
    """The service under test; each `start` runs another replica."""

    settings: Config
    database: FreshDatabase
    stream: FreshStream
    internet: Internet

    @asynccontextmanager
    async def start(self, **changes: Any) -> AsyncIterator[grpc.aio.Channel]:
        """Run one replica, with changed settings if given, and yield a channel to it."""
        async with (
            running(replace(self.settings, **changes)) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            yield channel

    async def a_caller(self, channel: grpc.aio.Channel, tenant_id: UUID) -> Caller:
        """Return a caller with a full-access key of a tenant, connected to this replica."""
        return Caller(channel, await a_key(self.database, tenant_id, Scope.FULL_ACCESS))

    def with_endpoint(self, url: str) -> "Sender":
        """Return the same service with another SES endpoint."""
        aws = replace(self.settings.aws, aws_endpoint_url=url)
        return replace(self, settings=replace(self.settings, aws=aws))

    async def a_ready_domain(self, tenant_id: UUID, name: str | None = None) -> Domain:
        """Create a domain that is READY here and verified at SES."""
        domain = await a_ready_domain(self.database, tenant_id, name)
        await self._seed(domain.name)
        return domain

    async def _seed(self, name: str) -> None:
        body = {"names": [name], "verified": True}
        await self.internet.control.call("POST", "/ses/identities/seed", body)

    async def a_pending_domain(self, tenant_id: UUID) -> Domain:
        """Create a domain whose DNS records are not published yet."""
        return await a_pending_domain(self.database, tenant_id)

    async def a_shared_sender(self) -> Domain:
        """Create the operator's shared domain, READY."""
        [row] = await self.database.fetch(
            "INSERT INTO identity.tenants (id, name, is_operator) VALUES ($1, 'operator', true) RETURNING id",
            uuid7(),
        )
        return await self.a_ready_domain(row["id"], SHARED_DOMAIN)

    async def set_domain_state(self, domain: Domain, state: str, *, dkim_valid: bool = False) -> None:
        """Write a domain state as verifier would."""
        await self.database.execute(
            "UPDATE verifier.verifications SET state = $2, dkim_valid = $3 WHERE claim_id = $1",
            domain.claim_id,
            state,
            dkim_valid,
        )

    async def set_account(self, **columns: Any) -> None:
        """Write columns of the SES account as verifier would."""
        names = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, start=1))
        await self.database.execute(f"UPDATE verifier.ses_account SET {names}", *columns.values())  # noqa: S608

    async def reject_on_mx_failure(self, domain: Domain) -> None:
        """Make SES reject email from an identity because the MX record of its return path is missing."""
        ses = self.internet.aws("sesv2")
        await asyncio.to_thread(
            ses.put_email_identity_mail_from_attributes,
            EmailIdentity=domain.name,
            MailFromDomain=f"send.{domain.name}",
            BehaviorOnMxFailure="REJECT_MESSAGE",
        )
        ses.close()
        change = {"mail_from_status": "FAILED"}
        await self.internet.control.call("PATCH", f"/ses/identities/{domain.name}", change)

    async def fault(self, kind: str, **more: Any) -> None:
        """Make SendEmail fail in a certain way."""
        body = {"operation": "SendEmail", "kind": kind} | more
        await self.internet.control.call("POST", "/ses/faults", body)

    async def end_faults(self) -> None:
        """Remove all faults from SES."""
        await self.internet.control.call("DELETE", "/ses/faults")

    async def posts(self) -> list[Json]:
        """Return the SendEmail requests that reached SES, whatever it answered, without heartbeats."""
        posts = (await self.internet.control.ledger())["posts"]
        return [post for post in posts if "lh-email" in post["email_tags"]]

    async def one_post_an_attempt(self) -> None:
        """Assert that no attempt was posted to SES more than once."""
        attempts = Counter(post["attempt"] for post in await self.posts())
        assert max(attempts.values(), default=1) == 1

    async def listen(self) -> None:
        """Make feedback live, as webhooks would: the queue was polled, and events of heartbeats arrived."""
        await self.database.execute(
            "INSERT INTO webhooks.intake (queue, account, region, polled_at) VALUES ('q', $1, $2, now())"
            " ON CONFLICT (queue) DO UPDATE SET polled_at = now()",
            ACCOUNT,
            REGION,
        )
        for _ in range(2):
            await self.database.execute(
                "WITH beat AS (INSERT INTO sender.heartbeats (id, source) VALUES ($1, $2) RETURNING id)"
                " INSERT INTO webhooks.feedback (id, meaning, kind, attempt_id, ses_id, detail, occurred_at)"
                " SELECT id, $3, 'SEND', id, '', '{}', now() FROM beat",
                uuid7(),
                f"{ACCOUNT}:{REGION}:letterhead",
                uuid4().bytes,
            )

    async def window_ends(self, caller: Caller, email: Email, state: "State.ValueType") -> Email:
        """Wait until an email is UNKNOWN and, with live feedback, its window ends in `state`."""
        await becomes(caller, email, State.STATE_UNKNOWN)
        await self.listen()
        return await becomes(caller, email, state)

    async def receive(self, post: Json, kind: str = "SEND") -> None:
        """Write SES's event about a POST as webhooks would."""
        tags = post["email_tags"]
        await self.database.execute(
            "INSERT INTO webhooks.feedback"
            " (id, meaning, kind, tenant_id, email_id, attempt_id, ses_id, detail, occurred_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', now())",
            uuid7(),
            uuid4().bytes,
            kind,
            *(UUID(tags[name]) for name in ("lh-tenant", "lh-email", "lh-attempt")),
            post["message_id"],
        )

    async def events(self, subject: str, count: int = 1) -> list[Json]:
        """Wait for `count` published events of a subject and return all of them."""

        async def enough() -> list[Json] | None:
            events = await self.stream.published(subject)
            return events if len(events) >= count else None

        return await eventually(enough) or []


@pytest.fixture
async def internet(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Return the simulated Internet; SES has production access and publishes no events."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    ses = internet.aws("sesv2")
    await asyncio.to_thread(ses.create_configuration_set, ConfigurationSetName="letterhead")
    ses.close()
    change = {"production_access": True, "max_send_rate": 500, "max_24_hour_send": 50_000}
    await internet.control.call("PATCH", "/ses/account", change)
    return internet


@pytest.fixture
async def sender(database: FreshDatabase, stream: FreshStream, internet: Internet) -> Sender:
    """Return the service, configured for this test with a healthy SES account, but not started."""
    await database.execute(
        "INSERT INTO verifier.ses_account"
        " (account, region, state, production_access, sending_enabled, enforcement_status, max_send_rate,"
        "  max_24_hour_send, checked_at)"
        " VALUES ($1, $2, 'READY', true, true, 'HEALTHY', 500, 50000, now())",
        ACCOUNT,
        REGION,
    )
    settings = Config(
        server=Server(grpc_port=0, grpc_host="127.0.0.1", drain=timedelta(seconds=15), grpc_plaintext=True),
        database=database.settings("sender", pool_size=10),
        nats=stream.settings("sender"),
        aws=config.Aws(aws_region=REGION, aws_account=ACCOUNT, aws_endpoint_url=internet.addresses.ses),
        shared=Shared(shared_domain=SHARED_DOMAIN, shared_brand="e2a"),
        windows=QUIET,
        limits=Limits(),
    )
    return Sender(settings, database, stream, internet)


@pytest.fixture
def pairs(request: pytest.FixtureRequest) -> int:
    """Return how many pairs of equal requests to send."""
    count: int = request.config.getoption("--pairs", default=500)
    return count


@pytest.fixture
async def channel(sender: Sender) -> AsyncIterator[grpc.aio.Channel]:
    """Run a replica and yield a channel to it."""
    async with sender.start() as channel:
        yield channel


@pytest.fixture
async def tenant_id(database: FreshDatabase) -> UUID:
    """Return a new tenant."""
    return await a_tenant(database)


@pytest.fixture
async def caller(sender: Sender, channel: grpc.aio.Channel, tenant_id: UUID) -> Caller:
    """Return a caller with a full-access key of the tenant."""
    return await sender.a_caller(channel, tenant_id)


@pytest.fixture
async def domain(sender: Sender, tenant_id: UUID) -> Domain:
    """Return a READY domain of the tenant."""
    return await sender.a_ready_domain(tenant_id)


async def becomes(
    caller: Caller, email: Email, state: "Email.State.ValueType", within: timedelta = timedelta(seconds=10)
) -> Email:
    """Wait until the email is in a state and return it."""

    async def now() -> Email:
        found = await caller.get(email.id)
        assert found.state == state, f"{Email.State.Name(found.state)}: {found.state_message}"
        return found

    return await eventually(now, within=within)
