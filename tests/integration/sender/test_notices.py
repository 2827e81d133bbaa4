"""Notices: an event that a tenant must know of becomes one email to its contact, or a recorded reason."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from chassis.codes import code_hash
from chassis.ids import uuid7
from chassis.regions import SesRegion
from letterhead.events.v1 import contact_events_pb2 as contacts
from letterhead.events.v1 import domain_events_pb2 as domains
from letterhead.events.v1 import endpoint_events_pb2 as endpoints
from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.sender.v1.emails_pb2 import ListEmailsRequest
from letterhead.webhooks.v1.webhook_service_pb2 import Endpoint
from services.sender.config import Limits, Shared
from services.sender.store.backlog import Backlog
from tests.factories import ACCOUNT, REGION, Domain, a_name
from tests.integration.sender.conftest import SHARED_DOMAIN, Json, Sender
from tests.integration.sender.feedback_source import FeedbackSource, open_feedback_source
from tests.stores import FreshDatabase
from tests.waiting import eventually

ADA = "ada@reader.com"
CODE = re.compile(r"\b(\d{4}) (\d{4})\b")


@dataclass(frozen=True)
class Tenant:
    """A tenant, and the events that identity publishes about it."""

    id: UUID
    database: FreshDatabase
    identity: FeedbackSource

    async def set_contact(self, address: str = ADA) -> None:
        """Write a confirmed contact as identity would."""
        await self.database.execute(
            "UPDATE identity.tenants SET name = 'Acme Letters', contact_address = $2 WHERE id = $1",
            self.id,
            address,
        )

    async def challenge(
        self, name: str = "", *, ahead: timedelta = timedelta(hours=72), event_id: UUID | None = None
    ) -> tuple[UUID, domains.DomainChallenged]:
        """Publish that another tenant proved a domain; return the event's id and its data."""
        name = name or a_name()
        data = domains.DomainChallenged(
            domain=self.domain(name),
            record=domains.OwnershipRecord(
                name=f"_letterhead.{name}", type=DnsRecord.TYPE_TXT, value="token=a1b2c3"
            ),
            deadline_time=stamp(ahead),
        )
        return await self.identity.publish("domain.challenged", data, self.id, event_id), data

    async def request_code(self) -> UUID:
        """Publish that the tenant wants its notices at an address; return the confirmation's id."""
        confirmation_id = uuid7()
        data = contacts.ContactConfirmationRequested(
            tenant_id=str(self.id),
            confirmation_id=str(confirmation_id),
            address=ADA,
            expire_time=stamp(timedelta(hours=1)),
        )
        await self.identity.publish("contact.confirmation_requested", data, self.id)
        return confirmation_id

    def domain(self, name: str) -> domains.DomainReference:
        """Return what events say about a domain of the tenant."""
        return domains.DomainReference(id=str(uuid7()), name=name, tenant_id=str(self.id), generation=1)

    async def notices(self, count: int = 1) -> list[Any]:
        """Wait until `count` notices are recorded and return them, oldest first."""

        async def enough() -> list[Any] | None:
            rows = await self.database.fetch(
                "SELECT kind, domain, email_id, unsent_reason FROM sender.notices"
                " ORDER BY created_at, event_id"
            )
            return rows if len(rows) >= count else None

        return await eventually(enough, within=timedelta(seconds=30)) or []


@pytest.fixture
async def tenant(sender: Sender, tenant_id: UUID) -> AsyncIterator[Tenant]:
    """Return a tenant without a contact."""
    async with open_feedback_source(sender.stream) as source:
        yield Tenant(tenant_id, sender.database, source)


@pytest.fixture
async def operators(sender: Sender) -> Domain:
    """Return the operator's shared domain, which notices are sent from."""
    return await sender.a_shared_sender()


def stamp(ahead: timedelta) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC) + ahead)
    return time


async def undelivered(database: FreshDatabase, reason: str) -> float | None:
    """Measure the backlog and return the gauge of a reason."""
    async with database.open("sender") as own:
        await Backlog(own, SesRegion(ACCOUNT, REGION)).measure()
    return REGISTRY.get_sample_value("letterhead_sender_undelivered_notices", {"reason": reason})


async def mailbox(sender: Sender, count: int = 1, address: str = ADA) -> list[Json]:
    """Wait until `count` emails have arrived at an address and return all of them, oldest first."""

    async def arrived() -> list[Json] | None:
        control = sender.internet.control
        emails = [await control.email(each["id"]) for each in reversed(await control.emails(to=address))]
        return emails if len(emails) >= count else None

    return await eventually(arrived, within=timedelta(seconds=30)) or []


@pytest.mark.usefixtures("operators", "channel")
async def test_a_challenge_reaches_the_contact_with_what_to_do(sender: Sender, tenant: Tenant) -> None:
    await tenant.set_contact()

    _, data = await tenant.challenge()

    [email] = await mailbox(sender)
    deadline = data.deadline_time.ToDatetime(UTC)
    assert f"notice@{SHARED_DOMAIN}" in email["from"]
    assert email["subject"] == f"Act before {deadline:%Y-%m-%d %H:%M} UTC to keep {data.domain.name}"
    for part in ("Acme Letters", data.domain.name, data.record.name, data.record.value):
        assert part in email["text"]
    await sender.one_post_an_attempt()


async def test_the_emails_are_the_operators_own_and_count_against_nobody(
    sender: Sender, operators: Domain, tenant: Tenant
) -> None:
    await tenant.set_contact()
    async with sender.start(limits=Limits(tenant_daily_limit=1)) as channel:
        owner = await sender.a_caller(channel, tenant.id)

        for _ in range(3):
            await tenant.challenge()
        await mailbox(sender, 3)
        listed = (await owner.emails.ListEmails(ListEmailsRequest())).emails

    assert not listed
    emails = await sender.database.fetch("SELECT tenant_id, claim_id, is_notice FROM sender.emails")
    assert {tuple(each) for each in emails} == {(operators.tenant_id, operators.claim_id, True)}
    assert not await sender.database.fetch("SELECT FROM sender.tenant_days")


@pytest.mark.usefixtures("operators", "channel")
async def test_an_event_that_is_published_again_is_sent_once(sender: Sender, tenant: Tenant) -> None:
    await tenant.set_contact()
    event_id, data = await tenant.challenge()
    await tenant.notices()
    await sender.database.execute("UPDATE sender.notices SET created_at = now() - interval '2 hours'")
    await sender.stream.lose()  # identity publishes everything again to the new stream
    await sender.stream.create()

    await tenant.challenge(data.domain.name, event_id=event_id)
    await tenant.challenge()
    await tenant.notices(2)

    assert len(await mailbox(sender, 2)) == 2
    assert len(await sender.database.fetch("SELECT FROM sender.emails")) == 2


@pytest.mark.usefixtures("operators", "channel")
async def test_a_code_is_emailed_and_only_its_hash_is_stored(sender: Sender, tenant: Tenant) -> None:
    confirmation_id = await tenant.request_code()

    [email] = await mailbox(sender)

    [code] = CODE.findall(email["text"])
    assert not CODE.search(email["subject"])
    [stored] = await sender.database.fetch("SELECT confirmation_id, code_hash FROM sender.contact_codes")
    assert tuple(stored) == (confirmation_id, code_hash(confirmation_id, ADA, "".join(code)))

    async def erasable() -> bool:
        [row] = await sender.database.fetch(
            "SELECT is_secret AND body_erase_at <= now() AS due FROM sender.emails"
        )
        return bool(row["due"])

    assert await eventually(erasable)


@pytest.mark.usefixtures("operators", "channel")
async def test_the_previous_contact_learns_of_a_change(sender: Sender, tenant: Tenant) -> None:
    await tenant.set_contact("bob@reader.com")
    ids = {"tenant_id": str(tenant.id)}
    first = contacts.ContactConfirmed(address=ADA, **ids)
    changed = contacts.ContactConfirmed(address="bob@reader.com", previous_address=ADA, **ids)
    removed = contacts.ContactRemoved(previous_address=ADA, **ids)

    await tenant.identity.publish("contact.confirmed", first, tenant.id)
    await tenant.identity.publish("contact.confirmed", changed, tenant.id)
    await tenant.identity.publish("contact.removed", removed, tenant.id)

    assert {each["subject"] for each in await mailbox(sender, 2)} == {
        "Notices for Acme Letters now go to another address",
        "Acme Letters no longer receives notices",
    }
    assert {each["kind"] for each in await tenant.notices(2)} == {"CONTACT_REPLACED", "CONTACT_REMOVED"}


@pytest.mark.usefixtures("operators", "channel")
async def test_what_is_not_sent_is_recorded_with_its_reason(sender: Sender, tenant: Tenant) -> None:
    name = a_name()
    await tenant.challenge()
    await tenant.notices()
    await tenant.set_contact()
    await tenant.challenge(ahead=-timedelta(minutes=1))
    await tenant.notices(2)
    await tenant.challenge(name)
    await tenant.notices(3)
    await tenant.challenge(name)

    notices = await tenant.notices(4)

    assert [each["unsent_reason"] for each in notices] == ["NO_CONTACT", "TOO_LATE", "", "RATE_EXCEEDED"]
    assert [each["email_id"] is None for each in notices] == [True, True, False, True]
    assert await undelivered(sender.database, "RATE_EXCEEDED") == 1
    assert await undelivered(sender.database, "BOUNCED") == 0


@pytest.mark.usefixtures("operators", "channel")
async def test_a_tenant_is_sent_twenty_notices_of_a_kind_in_a_day(tenant: Tenant) -> None:
    await tenant.set_contact()
    for _ in range(22):
        await tenant.challenge()
    ended = domains.DomainKept(domain=tenant.domain(a_name()))
    await tenant.identity.publish("domain.kept", ended, tenant.id)

    notices = await tenant.notices(23)

    challenged = [each["unsent_reason"] for each in notices if each["kind"] == "DOMAIN_CHALLENGED"]
    assert sorted(challenged) == [""] * 20 + ["RATE_EXCEEDED"] * 2
    assert [each["unsent_reason"] for each in notices if each["kind"] == "DOMAIN_KEPT"] == [""]


async def test_without_a_shared_domain_no_notice_is_sent(sender: Sender, tenant: Tenant) -> None:
    await tenant.set_contact()
    async with sender.start(shared=Shared()):
        await tenant.challenge()

        [notice] = await tenant.notices()

    assert notice["unsent_reason"] == "NO_SENDER"


@pytest.mark.usefixtures("channel")
async def test_a_suppressed_contact_gets_no_email_and_the_gauge_shows_it(
    sender: Sender, operators: Domain, tenant: Tenant
) -> None:
    await tenant.set_contact()
    await sender.database.execute(
        "INSERT INTO sender.suppressions (tenant_id, address, id, reason) VALUES ($1, $2, $3, 'BOUNCE')",
        operators.tenant_id,
        ADA,
        uuid7(),
    )

    await tenant.challenge()
    await tenant.request_code()

    async def suppressed() -> bool:
        rows = await sender.database.fetch("SELECT FROM sender.emails WHERE state = 'SUPPRESSED'")
        return len(rows) == 2

    assert await eventually(suppressed)
    assert not await sender.posts()
    assert await undelivered(sender.database, "SUPPRESSED") == 1  # the address to confirm may be mistyped


@pytest.mark.usefixtures("operators", "channel")
async def test_a_name_that_could_deceive_is_not_shown(sender: Sender, tenant: Tenant) -> None:
    await sender.database.execute(
        "UPDATE identity.tenants SET name = 'Pay at evil.com now' WHERE id = $1", tenant.id
    )

    await tenant.request_code()

    [email] = await mailbox(sender)
    assert "evil.com" not in email["subject"] + email["text"]
    assert f"tenant {tenant.id.hex[-8:]}" in email["subject"]


def endpoint_of(tenant: Tenant) -> endpoints.EndpointReference:
    url = "https://hooks.acme.com/in?a=1"
    return endpoints.EndpointReference(id=str(uuid7()), tenant_id=str(tenant.id), url=url)


@pytest.mark.usefixtures("operators", "channel")
async def test_the_contact_learns_that_an_endpoint_fails(sender: Sender, tenant: Tenant) -> None:
    await tenant.set_contact()
    data = endpoints.EndpointFailing(endpoint=endpoint_of(tenant), last_status=503)
    data.failing_since_time.FromJsonString("2026-11-28T10:00:00Z")

    await tenant.identity.publish("endpoint.failing", data, tenant.id)

    [email] = await mailbox(sender)
    assert email["subject"] == "Webhooks of Acme Letters are failing"
    for part in ("has failed since 2026-11-28 10:00 UTC", data.endpoint.url, "The last answer: status 503."):
        assert part in email["text"]
    [notice] = await tenant.notices()
    assert (notice["kind"], notice["unsent_reason"]) == ("ENDPOINT_FAILING", "")


@pytest.mark.usefixtures("operators", "channel")
@pytest.mark.parametrize(
    ("reason", "status", "parts"),
    [
        ("GONE", 410, ("because it answered that it is gone", "The last answer: status 410.")),
        ("FAILING", 0, ("because every post to it failed for five days", "The last answer: none.")),
    ],
)
async def test_the_contact_learns_that_an_endpoint_is_disabled(
    sender: Sender, tenant: Tenant, reason: str, status: int, parts: tuple[str, ...]
) -> None:
    await tenant.set_contact()
    data = endpoints.EndpointDisabled(
        endpoint=endpoint_of(tenant),
        reason=Endpoint.DisableReason.Value(f"DISABLE_REASON_{reason}"),
        last_status=status,
    )

    await tenant.identity.publish("endpoint.disabled", data, tenant.id)

    [email] = await mailbox(sender)
    assert email["subject"] == "A webhook of Acme Letters is disabled"
    for part in (*parts, data.endpoint.url, "enable it and replay"):
        assert part in email["text"].replace("\n", " ")
    [notice] = await tenant.notices()
    assert (notice["kind"], notice["unsent_reason"]) == ("ENDPOINT_DISABLED", "")
