"""A tenant's confirmed contact receives the notice that another tenant proved its domain, in time to act."""

import re
from datetime import UTC, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cli.client import Services, connect
from cli.dns_records import type_of
from letterhead.identity.v1.contacts_pb2 import ConfirmContactRequest, GetContactRequest, SetContactRequest
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, Domain, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import ListEmailsRequest
from letterhead.verifier.v1.verifier_pb2 import VerifyDomainRequest
from sandbox.client import Json
from tests.e2e.conftest import World
from tests.e2e.tenants import a_tenant_key
from tests.factories import a_name
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SOON = timedelta(seconds=120)
CODE = re.compile(r"\b(\d{4}) (\d{4})\b")


async def seen(services: Services, domain: Domain) -> Domain:
    now: Domain = (await services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    return now


async def publish(world: World, services: Services, domain: Domain) -> None:
    """Publish the records that the domain shows, and have them checked."""
    for record in (await seen(services, domain)).records:
        await world.sandbox.publish(type_of(record), record.name, record.value, priority=record.priority)
    await services.verifier.VerifyDomain(VerifyDomainRequest(domain_id=domain.id))


async def a_domain(services: Services, name: str) -> Domain:
    """Create a domain and wait until it shows records."""
    domain: Domain = (await services.domains.CreateDomain(CreateDomainRequest(name=name))).domain

    async def shows_records() -> bool:
        return bool((await seen(services, domain)).records)

    assert await eventually(shows_records, within=SOON)
    return domain


async def becomes_ready(world: World, services: Services, domain: Domain) -> None:
    async def ready() -> bool:
        await publish(world, services, domain)
        return (await seen(services, domain)).state == Domain.STATE_READY

    assert await eventually(ready, within=SOON)


async def mailbox(world: World, address: str, subject: str) -> Json:
    """Wait for the email with this in its subject, and return it."""

    async def arrived() -> Json | None:
        found = [each for each in await world.sandbox.emails(to=address) if subject in each["subject"]]
        return await world.sandbox.email(found[0]["id"]) if found else None

    email = await eventually(arrived, within=SOON)
    assert email
    return email


async def confirm_contact(world: World, services: Services, address: str) -> str:
    """Set the contact, and confirm it with the code from the mailbox; return the code."""
    await services.contacts.SetContact(SetContactRequest(address=address))
    email = await mailbox(world, address, "Your code")
    [code] = CODE.findall(email["text"])
    await services.contacts.ConfirmContact(ConfirmContactRequest(code=" ".join(code)))
    return "".join(code)


async def test_the_holder_of_a_domain_learns_that_another_tenant_proved_it(world: World, home: Path) -> None:
    name, address = a_name(), f"{uuid4().hex[:8]}@reader-of-letters.com"
    key, rival_key = await a_tenant_key(world, "Acme Letters"), await a_tenant_key(world, f"rival {uuid4()}")
    async with (
        connect(world.installation, key) as holder,
        connect(world.installation, rival_key) as rival,
    ):
        code = await confirm_contact(world, holder, address)
        domain = await a_domain(holder, name)
        await becomes_ready(world, holder, domain)

        await publish(world, rival, await a_domain(rival, name))

        notice = await mailbox(world, address, f"to keep {name}")
        challenged = await seen(holder, domain)
        contact = (await holder.contacts.GetContact(GetContactRequest())).contact
        lists = [(await who.sender.ListEmails(ListEmailsRequest())).emails for who in (holder, rival)]

    [record] = [each for each in challenged.records if each.name == f"_letterhead.{name}"]
    deadline = challenged.ownership_deadline_time.ToDatetime(UTC)
    assert contact.address == address
    assert challenged.ownership == Domain.OWNERSHIP_CHALLENGED
    for part in ("Acme Letters", name, f"{deadline:%Y-%m-%d %H:%M} UTC", record.name, record.value):
        assert part in notice["text"]
    assert notice["dmarc"]["result"] == "pass"
    assert [list(each) for each in lists] == [[], []]
    logs = [path for path in home.rglob("*.log") if path.is_file()]
    assert logs
    assert not [path.name for path in logs if code in path.read_text(errors="replace")]
