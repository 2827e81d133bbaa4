"""Email of a domain whose identity is deleted at SES is held until the domain's new records are published."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import boto3
import pytest

from cli.environments import REGION
from cli.events import Event
from letterhead.events.v1.email_reason_pb2 import EMAIL_REASON_IDENTITY_NOT_VERIFIED
from letterhead.identity.v1.domains_pb2 import GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Email, GetEmailRequest
from tests.e2e.conftest import World
from tests.e2e.ready_domains import a_ready_domain, becomes_ready
from tests.integration.sender.callers import a_request
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(500)]

MINUTE = timedelta(minutes=1)
# SES's whole list is read every minute, and then SES is asked about the domain.
FOUND_WITHIN = 3 * MINUTE
# An email that SES rejected is held for two minutes at least.
RELEASED_WITHIN = 3 * MINUTE


async def an_email_in(world: World, email_id: str, state: "Email.State.ValueType") -> Email | None:
    email = (await world.services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
    return email if email.state == state else None


def event_about(world: World, subject: str, name: str) -> Event | None:
    return world.tail.find(subject, lambda event: event.resource == name)


async def test_email_is_held_and_sent_once_the_new_records_are_published(world: World) -> None:
    domain = await a_ready_domain(world)
    ses = boto3.Session("sandbox", "sandbox", region_name=REGION).client(
        "sesv2", endpoint_url=world.installation.ses
    )
    await asyncio.to_thread(ses.delete_email_identity, EmailIdentity=domain.name)

    sent = await world.services.sender.SendEmail(
        a_request(f"agent@{domain.name}", f"{uuid4().hex}@example.com")
    )

    held = await eventually(lambda: an_email_in(world, sent.email.id, Email.STATE_HELD), MINUTE)
    assert held.state_reason == EMAIL_REASON_IDENTITY_NOT_VERIFIED
    pending = await eventually(lambda: event_about(world, "domain.pending", domain.name), FOUND_WITHIN)
    assert pending.data["domain"]["id"] == domain.id
    renewed = (await world.services.domains.GetDomain(GetDomainRequest(domain_id=domain.id))).domain
    assert {each.value for each in renewed.records} != {each.value for each in domain.records}
    await becomes_ready(world, renewed)
    await eventually(lambda: an_email_in(world, sent.email.id, Email.STATE_SENT), RELEASED_WITHIN)
