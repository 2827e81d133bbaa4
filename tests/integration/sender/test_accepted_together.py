"""Concurrent requests are stored by one statement, and each gets its own answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from chassis.access import TenantVisibility
from chassis.errors import RequestIdReused
from chassis.ids import uuid7
from services.sender.commands.acceptance import Acceptance
from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec
from services.sender.errors import FromNotYours
from services.sender.model.emails import Draft, Email
from services.sender.store.acceptance import AcceptanceStore, Request
from services.sender.store.emails import EmailStore
from tests.factories import Domain, a_ready_domain, a_tenant
from tests.stores import FreshDatabase


@pytest.fixture
async def acceptance(database: FreshDatabase) -> AsyncIterator[Acceptance]:
    async with database.open("sender") as pool:
        store = AcceptanceStore(pool, deadline=timedelta(days=7))
        yield Acceptance(store, EmailStore(pool), shared_domains={})


@pytest.fixture
async def domain(database: FreshDatabase) -> Domain:
    return await a_ready_domain(database, await a_tenant(database))


def a_draft(name: str, subject: str = "Hello") -> Draft:
    sender = (f"agent@{name}", "")
    fields = EmailSpec(sender, [("reader@example.com", "")], [], [], [], "Hello", "Good day.", "", {}, {})
    checked = draft(fields, datetime.now(UTC))
    # Simulates a bug: a value that passes no check today and that Postgres rejects.
    object.__setattr__(checked.content, "subject", subject)
    return checked


def a_request(tenant_id: UUID, request_id: str | None = None, content: bytes = b"") -> Request:
    return Request(TenantVisibility(tenant_id), request_id or str(uuid7()), content)


async def test_an_error_of_one_request_does_not_affect_the_others(
    acceptance: Acceptance, domain: Domain, database: FreshDatabase
) -> None:
    drafts = [a_draft(domain.name, "\0" if number == 5 else "Hello") for number in range(10)]
    drafts[7] = a_draft("not-yours.example.com")

    answers = await asyncio.gather(
        *(acceptance.accept(a_request(domain.tenant_id), [each]) for each in drafts),
        return_exceptions=True,
    )

    bad, not_yours = answers.pop(5), answers.pop(6)
    assert isinstance(bad, asyncpg.PostgresError)
    assert isinstance(not_yours, FromNotYours)
    emails = [email for answer in answers if not isinstance(answer, BaseException) for email in answer]
    stored = await database.fetch(
        "SELECT id, request_id FROM sender.emails CROSS JOIN sender.idempotency WHERE id = ANY (email_ids)"
    )
    assert len(emails) == 8
    assert {row["id"] for row in stored} == {email.id for email in emails}


async def test_only_one_of_several_equal_concurrent_requests_is_stored(
    acceptance: Acceptance, domain: Domain, database: FreshDatabase
) -> None:
    requests = [("a", b"1"), ("a", b"1"), ("b", b"1"), ("a", b"2"), ("b", b"1"), ("a", b"1")]

    answers = await asyncio.gather(
        *(
            acceptance.accept(a_request(domain.tenant_id, name, content), [a_draft(domain.name)])
            for name, content in requests
        ),
        return_exceptions=True,
    )

    assert isinstance(answers.pop(3), RequestIdReused)
    emails: list[Email] = [answer[0] for answer in answers if not isinstance(answer, BaseException)]
    [first_a, again_a, first_b, again_b, third_a] = [email.id for email in emails]
    assert first_a == again_a == third_a
    assert first_b == again_b
    assert len(await database.fetch("SELECT FROM sender.emails")) == 2
