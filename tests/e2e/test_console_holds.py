"""Hostile content on console's pages: it is shown as text, runs no script and makes no request."""

from typing import Any
from uuid import uuid4

import pytest

from letterhead.access.v1 import scope_pb2
from letterhead.identity.v1.api_keys_pb2 import CreateApiKeyRequest
from letterhead.identity.v1.tenants_pb2 import CreateTenantRequest, PauseTenantRequest
from letterhead.sender.v1.emails_pb2 import Address, Email, SendEmailRequest
from letterhead.sender.v1.suppressions_pb2 import AddSuppressionRequest
from tests.e2e.browser import Visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import add_domain, ready, sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

ELSEWHERE = "https://stray.evil-elsewhere.com"
MARKUP = (
    f"\"'><script src={ELSEWHERE}/s.js></script><img src={ELSEWHERE}/i onerror=document.title='ran'>"
    "{{7*7}}<svg onload=document.title='ran'>"
)
BODY = f"""<!doctype html><html><head>
<base href="{ELSEWHERE}/"><meta http-equiv="refresh" content="0;url={ELSEWHERE}/refresh">
<link rel="stylesheet" href="{ELSEWHERE}/l.css"><link rel="preconnect" href="{ELSEWHERE}">
<style>@import url({ELSEWHERE}/i.css); body {{ background: url({ELSEWHERE}/b) }}
@font-face {{ font-family: x; src: url({ELSEWHERE}/f) }} p {{ font-family: x }}</style></head>
<body onload="parent.document.title='ran'"><p>Good day.</p>
<script>top.document.title = 'ran'; fetch('{ELSEWHERE}/fetch')</script>
<img src="{ELSEWHERE}/img" onerror="top.document.title='ran'"><video poster="{ELSEWHERE}/v" autoplay></video>
<iframe src="{ELSEWHERE}/frame"></iframe><object data="{ELSEWHERE}/o"></object><embed src="{ELSEWHERE}/e">
<form action="{ELSEWHERE}/form"><input name="key" autofocus onfocus="top.document.title='ran'"></form>
<a href="javascript:top.document.title='ran'" target="_top">here</a>
</body></html>"""


async def nothing_ran(visit: Visit) -> None:
    """Assert that no script ran and no request went to another host."""
    await visit.page.wait_for_load_state()
    await visit.page.screenshot()  # taking a screenshot forces rendering, and with it pending loads
    assert await visit.page.title() != "ran"
    assert visit.strays == []
    assert visit.page.url.startswith(visit.console)


async def shown_as_text(visit: Visit) -> None:
    """Assert also that the hostile markup created no elements."""
    await nothing_ran(visit)
    assert await visit.page.locator("[src*=evil], [onload], [onerror]").count() == 0


async def an_email(world: World, domain: str, **fields: Any) -> Email:
    request = SendEmailRequest(request_id=uuid4().hex, **fields)
    getattr(request, "from").CopyFrom(Address(address=f"agent@{domain}", name='{{7*7}} "Agent"'))
    email: Email = (await world.services.sender.SendEmail(request)).email
    return email


async def test_a_hostile_email_stays_in_its_frame(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)
    await ready(walk)
    to = [Address(address=f"ada@r{uuid4().hex[:8]}.com", name="{% x %} &amp; ' Ada")]
    email = await an_email(world, walk.domain, to=to, subject=MARKUP, text=MARKUP, html=BODY)

    await visit.page.goto(f"{visit.console}/app/emails?search=script")
    assert MARKUP[:30] in await visit.page.locator("body").inner_text()
    await shown_as_text(visit)

    await visit.page.goto(f"{visit.console}/app/emails/{email.id}")
    frame = visit.page.frame_locator("iframe")
    assert await frame.locator("p").inner_text() == "Good day."
    await frame.locator("a").press("Enter")
    await shown_as_text(visit)

    await visit.page.goto(f"{visit.console}/app/emails/{email.id}/body")
    await nothing_ran(visit)


async def test_hostile_dns_records_are_shown_as_text(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)
    records = await walk.records()
    spf, dkim = records["record-spf-1"], records["record-dkim-1"]

    written = MARKUP.replace('"', '\\"')
    await walk.publish(spf, value=f'"v=spf1 {written}"')
    await world.sandbox.publish("TXT", walk.name_of(dkim), f'"</code>{written}"')
    await walk.shows(spf.id, "Mismatch")

    assert "<script" in await visit.page.locator(f"#{spf.id}").inner_text()
    await shown_as_text(visit)
    assert visit.complaints == []


async def test_hostile_names_are_shown_as_text(world: World, visit: Visit) -> None:
    name = f"{MARKUP[:80]}{uuid4().hex[:8]}"
    tenant = (await world.admin.tenants.CreateTenant(CreateTenantRequest(name=name[-100:]))).tenant
    await world.admin.tenants.PauseTenant(PauseTenantRequest(tenant_id=tenant.id, reason=MARKUP))
    await world.services.api_keys.CreateApiKey(
        CreateApiKeyRequest(name=name[-100:], scope=scope_pb2.SCOPE_SENDING_ACCESS)
    )
    address = f"{uuid4().hex[:8]}@x.com"
    await world.services.suppressions.AddSuppression(AddSuppressionRequest(address=address, note=MARKUP))

    await sign_in(visit, world.installation.api_key)
    for page in ("suppressions", "keys"):
        await visit.page.goto(f"{visit.console}/app/{page}")
        assert "<script" in await visit.page.locator("body").inner_text(), page
        await shown_as_text(visit)
    await visit.page.context.clear_cookies()
    await sign_in(visit, world.installation.admin_key)
    for page in ("operator", f"operator/tenants/{tenant.id}"):
        await visit.page.goto(f"{visit.console}/app/{page}")
        await shown_as_text(visit)
    assert visit.complaints == []


@pytest.mark.parametrize("typed", [MARKUP, "\u202emoc.live", "a" * 3000, "..", "{{7*7}}.com", "%00", "\\x00"])
async def test_invalid_input_is_shown_as_text(world: World, visit: Visit, typed: str) -> None:
    await sign_in(visit, world.installation.api_key)
    await visit.page.get_by_role("link", name="Add a domain").first.click()
    field = visit.page.get_by_label("Domain", exact=True)
    await field.fill(typed)
    value = await field.input_value()
    await visit.page.get_by_role("button", name="Add", exact=True).click()

    await visit.page.wait_for_selector('[aria-invalid="true"]')
    assert await visit.page.get_by_label("Domain", exact=True).input_value() == value
    await shown_as_text(visit)


async def test_no_page_shows_the_key(world: World, visit: Visit) -> None:
    key = world.installation.api_key
    await sign_in(visit, key)

    for page in ("domains", "emails", "suppressions", "keys", "domains/new", "keys/new"):
        await visit.page.goto(f"{visit.console}/app/{page}")
        assert key not in await visit.page.content()
    cookies = await visit.page.context.cookies()
    assert all(key not in cookie["value"] and cookie["httpOnly"] for cookie in cookies)
