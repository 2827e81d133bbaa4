"""Two SES regions, of two AWS accounts: a domain's email leaves by its own, and never waits for the other."""

import asyncio
import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from cli.environments import REGION, SECOND_REGION
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, GetEmailRequest, Recipient, SendEmailRequest
from letterhead.verifier.v1.verifier_pb2 import WatchDomainRequest
from sandbox.client import SandboxClient, connect_sandbox
from tests.e2e.conftest import World, a_world
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

MINUTE = timedelta(minutes=1)
EMAILS = 60
# The other region may cost an email this much: one poll of the queue, whatever happens there.
SLOWER_BY = 1.0
# A POST that SES answers this late is still in flight when the lease of its attempt has expired.
LATE_MS = 45_000


@dataclass(frozen=True)
class Place:
    """One region: its simulated AWS, and a READY domain in it."""

    region: str
    sandbox: SandboxClient
    domain: Domain


@dataclass(frozen=True)
class Places:
    """An installation with a READY domain in each of its two regions."""

    world: World
    database: asyncpg.Connection
    first: Place
    second: Place

    async def send(self, place: Place) -> str:
        """Send an email from the domain of a region; return its id."""
        request = SendEmailRequest(to=[Address(address="ada@example.com")], subject="Hello", text="Hi.")
        getattr(request, "from").address = f"agent@{place.domain.name}"
        email: Email = (await self.world.services.sender.SendEmail(request)).email
        return email.id

    async def email(self, email_id: str) -> Email:
        """Return an email as it is now."""
        email: Email = (await self.world.services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
        return email

    async def become(self, email_ids: list[str], state: "Email.State.ValueType") -> None:
        """Wait until all emails are in a state."""

        async def now() -> bool:
            for email_id in email_ids:
                email = await self.email(email_id)
                assert email.state == state, f"{Email.State.Name(email.state)}: {email.state_message}"
            return True

        await eventually(now, MINUTE)

    async def seconds_to_send(self, place: Place) -> list[float]:
        """Send emails one by one; return the seconds from the acceptance of each until SES had it."""
        sent = [await self.send(place) for _ in range(EMAILS)]
        await self.become(sent, Email.STATE_SENT)
        rows = await self.database.fetch(
            "SELECT extract(epoch FROM sent_at - created_at)::float8 AS seconds FROM sender.emails"
            " WHERE id = ANY ($1)",
            [UUID(each) for each in sent],
        )
        return sorted(row["seconds"] for row in rows)


@asynccontextmanager
async def faulty(place: Place, kind: str, **more: int) -> AsyncIterator[None]:
    """Make every SendEmail of a region fail, and only that region's."""
    await place.sandbox.call("POST", "/ses/faults", {"operation": "SendEmail", "kind": kind, **more})
    yield
    await place.sandbox.call("DELETE", "/ses/faults")


async def accepted_in(place: Place) -> list[str]:
    """Return the emails that a region's SES accepted, one for each POST; heartbeats have no such tag."""
    accepted = (await place.sandbox.ledger())["accepted"]
    return [each["email_tags"]["lh-email"] for each in accepted if "lh-email" in each["email_tags"]]


async def a_place(world: World, region: str, sandbox: SandboxClient) -> Place:
    """Create a domain in a region and wait until it is READY."""
    request = CreateDomainRequest(name=f"inbox.d{uuid4().hex[:12]}.ai", region=region)
    created = (await world.services.domains.CreateDomain(request)).domain

    async def with_records() -> Domain | None:
        now = (await world.services.domains.GetDomain(GetDomainRequest(domain_id=created.id))).domain
        return now if now.records else None

    domain = await eventually(with_records, MINUTE)
    for record in domain.records:
        kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
        await world.sandbox.publish(kind, record.name, record.value, priority=record.priority)
    watch = world.services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id))
    await watch.read()
    await eventually(lambda: world.tail.arrival("domain.ready", domain.name), MINUTE)
    watch.cancel()
    return Place(region, sandbox, domain)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(workspace: Path) -> AsyncIterator[Places]:
    """Run an installation with two regions."""
    fast = {"LETTERHEAD_SANDBOX_MAX_SEND_RATE": "200"}
    async with (
        a_world(workspace / "two-regions", 1, two_regions=True, sandbox=fast) as world,
        connect_sandbox(f"{world.installation.control}/regions/{SECOND_REGION}") as second,
    ):
        database = await asyncpg.connect(world.stack.postgres.url(database="letterhead"))
        here, there = await asyncio.gather(
            a_place(world, "", world.sandbox), a_place(world, SECOND_REGION, second)
        )
        yield Places(world, database, here, there)
        await database.close()


async def test_email_leaves_by_the_region_of_its_domain(places: Places) -> None:
    here = [await places.send(places.first) for _ in range(10)]
    there = [await places.send(places.second) for _ in range(10)]
    await places.become([*here, *there], Email.STATE_SENT)

    assert [places.first.domain.region, places.second.domain.region] == [REGION, SECOND_REGION]
    assert sorted(await accepted_in(places.first)) == sorted(here)
    assert sorted(await accepted_in(places.second)) == sorted(there)


async def test_feedback_of_both_regions_arrives(places: Places) -> None:
    sent = [await places.send(place) for place in (places.first, places.second)]

    async def delivered() -> bool:
        emails = [await places.email(each) for each in sent]
        return all(each.recipients[0].state == Recipient.STATE_DELIVERED for each in emails)

    await eventually(delivered, MINUTE)


@pytest.mark.parametrize(("kind", "latency_ms"), [("throttle", 0), ("latency", 8000)])
async def test_a_region_that_is_throttled_or_hangs_does_not_slow_the_other(
    places: Places, figure: Figure, kind: str, latency_ms: int
) -> None:
    alone = await places.seconds_to_send(places.first)
    async with faulty(places.second, kind, latency_ms=latency_ms):
        waiting = [await places.send(places.second) for _ in range(EMAILS)]
        beside = await places.seconds_to_send(places.first)
        states = {(await places.email(each)).state for each in waiting}

    figure(
        f"{kind:<8} seconds to SES, p50 / p99: {statistics.median(alone):.3f} / {_p99(alone):.3f} alone,"
        f" {statistics.median(beside):.3f} / {_p99(beside):.3f} while the other region fails"
    )
    assert statistics.median(beside) < statistics.median(alone) + SLOWER_BY
    assert states & {Email.STATE_QUEUED, Email.STATE_SENDING}
    await places.become(waiting, Email.STATE_SENT)


async def test_only_a_sender_of_the_region_takes_over_what_a_killed_one_left(places: Places) -> None:
    [sender] = [part for part in places.world.stack.replicas_of("sender") if SECOND_REGION in part.name]
    async with faulty(places.second, "latency", latency_ms=LATE_MS):
        left = await places.send(places.second)
        await eventually(lambda: _has_reached_ses(places.second, left), MINUTE)
        sender.kill()
        await sender.stop()  # so that it is not restarted
        elsewhere = await places.send(places.first)
        await places.become([elsewhere], Email.STATE_SENT)
        await eventually(lambda: _lease_is_over(places, left), MINUTE)
        assert (await places.email(left)).state == Email.STATE_SENDING

        sender.start()
        await places.become([left], Email.STATE_UNKNOWN)
    await places.become([left], Email.STATE_SENT)

    [attempt] = await places.database.fetch(
        "SELECT region, state FROM sender.attempts WHERE email_id = $1", UUID(left)
    )
    assert (attempt["region"], attempt["state"]) == (SECOND_REGION, "ACCEPTED")
    assert left not in await accepted_in(places.first)


async def _has_reached_ses(place: Place, email_id: str) -> bool:
    """Return whether a region's SES has the request, which it may not have answered yet."""
    posts = (await place.sandbox.ledger())["posts"]
    return any(each["email_tags"].get("lh-email") == email_id for each in posts)


async def _lease_is_over(places: Places, email_id: str) -> bool:
    """Return whether the attempt's lease ended so long ago that every sender had a chance to take it over."""
    over: bool = await places.database.fetchval(
        "SELECT leased_until < now() - interval '3 seconds' FROM sender.attempts WHERE email_id = $1",
        UUID(email_id),
    )
    return over


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]
