"""Console's lists, forms and operator pages, used in a browser."""

from datetime import timedelta
from uuid import uuid4

import grpc
import pytest

from cli.client import Services, connect
from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.domains_pb2 import ListDomainsRequest
from letterhead.identity.v1.tenants_pb2 import (
    CreateTenantRequest,
    GetTenantRequest,
    PauseTenantRequest,
    Tenant,
)
from letterhead.sender.v1.emails_pb2 import GetEmailRequest
from letterhead.sender.v1.suppressions_pb2 import AddSuppressionRequest, ListSuppressionsRequest
from tests.e2e.browser import Visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import add_domain, sign_in
from tests.e2e.ready_domains import a_ready_domain
from tests.integration.sender.callers import a_request
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

A_PAGE = 50


async def test_a_long_list_is_paginated(world: World, visit: Visit) -> None:
    mark = uuid4().hex[:8]
    for number in range(A_PAGE + 1):
        request = AddSuppressionRequest(address=f"{mark}-{number}@example.com")
        await world.services.suppressions.AddSuppression(request)

    await sign_in(visit, world.installation.api_key)
    await visit.page.goto(f"{visit.console}/app/suppressions")
    first = await visit.page.locator(".list > li").count()
    await visit.page.get_by_role("link", name="Older").click()
    await visit.page.wait_for_selector(f"text={mark}-0@example.com")
    await visit.page.get_by_role("link", name="Newest").click()
    await visit.page.wait_for_selector(f"text={mark}-{A_PAGE}@example.com")

    assert first == A_PAGE


async def test_a_key_is_shown_once_works_and_is_revoked(world: World, visit: Visit) -> None:
    name = f"Key {uuid4().hex[:8]}"
    await sign_in(visit, world.installation.api_key)
    await visit.page.goto(f"{visit.console}/app/keys/new")
    await visit.page.get_by_label("Name").fill(name)
    await visit.page.get_by_role("radio", name="Full access").check()
    await visit.page.get_by_role("button", name="Create key").click()
    token = await visit.page.locator("#token").inner_text()

    async with connect(world.installation, token) as own:
        await own.domains.ListDomains(ListDomainsRequest())
        await visit.page.get_by_role("link", name="Done").click()
        await visit.page.wait_for_selector(f"text={name}")
        shown = await visit.page.content()
        await visit.page.locator(f'summary[aria-label="Revoke {name}"]').click()
        await visit.page.get_by_role("button", name="Revoke permanently").click()
        await eventually(lambda: _is_refused(own))

    assert token not in shown
    await visit.page.wait_for_selector('.list .chip:has-text("Revoked")')


async def _is_refused(own: Services) -> bool:
    try:
        await own.domains.ListDomains(ListDomainsRequest())
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.UNAUTHENTICATED
    return False


async def test_an_email_shows_reports_about_addresses_that_it_was_not_sent_to(
    world: World, visit: Visit
) -> None:
    domain = await a_ready_domain(world)
    request = a_request(f"agent@{domain.name}", "ada@reader-of-letters.com")
    email_id = (await world.services.sender.SendEmail(request)).email.id

    async def ses_id() -> str:
        email = (await world.services.sender.GetEmail(GetEmailRequest(email_id=email_id))).email
        return str(email.ses_id)

    for event_type in ("Delivery", "DeliveryDelay", "Complaint", "Bounce"):
        injected = {
            "event_type": event_type,
            "message_id": await eventually(ses_id),
            "recipients": ["forwarded@elsewhere.example"],
        }
        await world.sandbox.call("POST", "/events/inject", injected)
    await sign_in(visit, world.installation.api_key)

    async def all_shown() -> bool:
        await visit.page.goto(f"{visit.console}/app/emails/{email_id}")
        about = visit.page.get_by_role("list", name="Timeline of forwarded@elsewhere.example")
        return await about.get_by_role("listitem").count() == 4

    await eventually(all_shown, timedelta(seconds=30))
    shown = await visit.page.get_by_role("region", name="Other addresses").inner_text()
    for words in ("No address was suppressed", "Delivered", "Delayed", "Reported as spam", "Bounced"):
        assert words in shown
    listed = await world.services.suppressions.ListSuppressions(ListSuppressionsRequest())
    assert "forwarded@elsewhere.example" not in [each.address for each in listed.suppressions]


async def test_a_rejected_form_keeps_its_input_and_shows_the_error_beside_the_field(
    world: World, visit: Visit
) -> None:
    walk = await add_domain(world, visit)

    await visit.page.goto(f"{visit.console}/app/domains/new")
    await visit.page.get_by_label("Domain", exact=True).fill(walk.domain)
    await visit.page.get_by_label("Return path").fill("mail")
    await visit.page.get_by_role("button", name="Add", exact=True).click()
    field = visit.page.get_by_label("Domain", exact=True)
    await visit.page.wait_for_selector(".wrong")

    assert await field.get_attribute("aria-invalid") == "true"
    assert await field.input_value() == walk.domain
    assert await visit.page.get_by_label("Return path").input_value() == "mail"


async def test_a_domain_is_found_and_deleted_after_its_name_is_entered(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)

    await visit.page.goto(f"{visit.console}/app/domains?name={walk.domain[6:12]}")
    await visit.page.get_by_role("link", name=walk.domain).click()
    await visit.page.get_by_role("link", name="Delete domain").click()
    await visit.page.get_by_label("Type").fill("something else")
    await visit.page.get_by_role("button", name="Delete domain").click()
    await visit.page.wait_for_selector(".wrong")
    await visit.page.get_by_label("Type").fill(walk.domain)
    await visit.page.get_by_role("button", name="Delete domain").click()
    await visit.page.wait_for_url("**/app/domains")

    listed = await world.services.domains.ListDomains(ListDomainsRequest(search=walk.domain))
    assert all(domain.state == domain.STATE_DELETING for domain in listed.domains)


async def test_an_operator_pauses_and_resumes_a_tenant(world: World, visit: Visit) -> None:
    name = f"Team {uuid4().hex[:8]}"
    made = await world.admin.tenants.CreateTenant(CreateTenantRequest(name=name, request_id=uuid4().hex))
    request = GetTenantRequest(tenant_id=made.tenant.id)

    await sign_in(visit, world.installation.admin_key)
    await visit.page.get_by_role("link", name="Operator").click()
    await visit.page.wait_for_selector("text=emails per second")
    await visit.page.get_by_role("link", name=name).click()
    await visit.page.get_by_label("Pause sending").fill("Too many bounces")
    await visit.page.get_by_role("button", name="Pause tenant").click()
    await visit.page.wait_for_selector("text=Paused: Too many bounces")
    paused = await world.admin.tenants.GetTenant(request)
    await visit.page.get_by_role("button", name="Resume").click()
    await visit.page.wait_for_selector('.chip:has-text("Active")')

    assert paused.tenant.state == Tenant.STATE_PAUSED
    assert (await world.admin.tenants.GetTenant(request)).tenant.state == Tenant.STATE_ACTIVE


async def test_a_paused_tenant_sees_the_reason(world: World, visit: Visit) -> None:
    tenant = (await world.admin.tenants.CreateTenant(CreateTenantRequest(name=uuid4().hex))).tenant
    request = CreateApiKeyRequest(tenant_id=tenant.id, name="all", scope=scope_pb2.SCOPE_FULL_ACCESS)
    key = await world.admin.api_keys.CreateApiKey(request)
    await world.admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=tenant.id, reason="too many bounces"))

    await sign_in(visit, key.token)
    for page in ("domains", "emails"):
        await visit.page.goto(f"{visit.console}/app/{page}")
        assert "Sending is paused: Too many bounces." in await visit.page.locator("main").inner_text(), page
