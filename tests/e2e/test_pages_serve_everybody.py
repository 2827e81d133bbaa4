"""Accessibility of every page: screen readers, keyboard, phone, dark mode, and no JavaScript.

Writes a screenshot of each page to output/pages/: light, dark and phone. The pages about webhooks have a file
of their own, test_webhook_pages_serve_everybody.py.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from letterhead.identity.v1.links_pb2 import CreateLinkRequest
from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest
from letterhead.sender.v1.suppressions_pb2 import AddSuppressionRequest
from tests.e2e.accessibility import THEMES, barriers_on
from tests.e2e.browser import Visit, a_visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import Walk, add_domain, ask_for_test, read_code, ready, sign_in
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Paths:
    """The path of every page, by name, for tenants and operators, and of the page behind a link."""

    tenants: dict[str, str]
    operators: dict[str, str]
    link: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walk(world: World, browser: Browser) -> AsyncIterator[Walk]:
    """Add a domain and make it ready."""
    async with a_visit(browser, world.installation.console) as visit:
        walk = await add_domain(world, visit, name_servers=("ada.ns.cloudflare.com", "bob.ns.cloudflare.com"))
        await ready(walk)
        yield walk


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def paths(world: World, walk: Walk) -> Paths:
    """Create content for the pages; return their paths."""
    services, domain = world.services, f"/app/domains/{walk.domain_id}"
    await services.suppressions.AddSuppression(
        AddSuppressionRequest(address="ada@example.com", note="By phone")
    )
    request = CreateLinkRequest(domain_id=walk.domain_id, name="Mnexa, Inc.", request_id=uuid4().hex)
    link = await services.links.CreateLink(request)
    email = SendEmailRequest(
        to=[Address(address="bounce@simulator.amazonses.com")],
        subject="Your order",
        html="<h1>Thank you</h1>",
        text="Thank you",
    )
    getattr(email, "from").address = f"orders@{walk.domain}"
    sent = await services.sender.SendEmail(email)
    tenants = {
        "domains": "/app/domains",
        "domain_new": "/app/domains/new",
        "domain": domain,
        "test": f"{domain}/test",
        "test_code": f"{domain}/test/code?to=ada%40example.com",
        "test_sent": f"{domain}/test/{sent.email.id}",
        "links": f"{domain}/links",
        "delete": f"{domain}/delete",
        "emails": "/app/emails",
        "email": f"/app/emails/{sent.email.id}",
        "nothing_found": "/app/emails?search=zzzz",
        "suppressions": "/app/suppressions",
        "keys": "/app/keys",
        "key_new": "/app/keys/new",
        "no_such_page": "/app/nowhere",
    }
    operators = {"operator": "/app/operator", "tenant": f"/app/operator/tenants/{world.installation.tenant}"}
    return Paths(tenants, operators, f"/d/{link.token}")


@pytest.mark.parametrize("theme", THEMES)
async def test_every_page_is_accessible(
    world: World, browser: Browser, paths: Paths, theme: str, figure: Figure
) -> None:
    problems: dict[str, list[str]] = {}
    for key, pages in (
        (world.installation.api_key, paths.tenants),
        (world.installation.admin_key, paths.operators),
    ):
        async with a_visit(browser, world.installation.console, **THEMES[theme]) as visit:
            problems |= await barriers_on(visit, theme, {"sign_in": "/app/sign-in"})
            await sign_in(visit, key)
            problems |= await barriers_on(visit, theme, pages)
    async with a_visit(browser, world.installation.console, **THEMES[theme]) as visit:
        links = {"link": paths.link, "link_dead": "/d/lh_link_none"}
        problems |= await barriers_on(visit, theme, links)

    assert {name: found for name, found in problems.items() if found} == {}
    figure(f"{theme}: {len(problems)} pages, 0 serious or critical axe findings, none wider than the window")


async def test_a_domain_can_be_added_by_keyboard_alone(world: World, visit: Visit) -> None:
    keys, name = visit.page.keyboard, f"inbox.d{uuid4().hex[:10]}.ai"
    await visit.page.goto(f"{visit.console}/app")
    await visit.page.wait_for_selector("#key:focus")

    await keys.type(world.installation.api_key)
    await keys.press("Enter")
    await visit.page.wait_for_selector("nav[aria-label=Main]")
    await _tab_to(visit, "Skip to main content")
    await keys.press("Enter")
    await _tab_to(visit, "Add a domain")
    await keys.press("Enter")
    await visit.page.wait_for_selector("#name:focus")
    await keys.type(name)
    await keys.press("Enter")
    await visit.page.wait_for_selector(".record", timeout=40_000)
    await _tab_to(visit, "Copy the value of DKIM 1 of 3")
    await keys.press("Enter")

    assert await visit.page.locator("h1").inner_text() == name
    outline = await visit.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


async def _tab_to(visit: Visit, name: str) -> None:
    """Press Tab until the element with this name has the focus."""
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
    for _ in range(60):
        await visit.page.keyboard.press("Tab")
        if await visit.page.evaluate(focused) == name:
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


async def test_forms_work_without_javascript(world: World, browser: Browser, walk: Walk) -> None:
    async with a_visit(browser, world.installation.console, java_script_enabled=False) as visit:
        await sign_in(visit, world.installation.api_key)
        await visit.page.goto(f"{visit.console}/app/suppressions")
        await visit.page.get_by_label("Address").fill("grace@example.com")
        await visit.page.get_by_role("button", name="Add").click()
        await visit.page.wait_for_selector("text=grace@example.com")
        await visit.page.get_by_role("button", name="Remove grace@example.com").click()
        await visit.page.wait_for_load_state()
        gone = await visit.page.get_by_text("grace@example.com").count()

        await visit.page.goto(f"{visit.console}/app/domains/{walk.domain_id}")
        await visit.page.get_by_role("button", name="Check again").click()
        await visit.page.wait_for_load_state()

        assert gone == 0
        assert await visit.page.locator(".record .chip").first.inner_text() == "Found"
        assert await visit.page.locator(".copy:visible").count() == 0


async def test_a_pending_page_refreshes_without_javascript(world: World, browser: Browser) -> None:
    async with a_visit(browser, world.installation.console, java_script_enabled=False) as visit:
        walk = await add_domain(world, visit)
        first, *_ = (await walk.records()).values()

        await walk.publish(first)
        await walk.shows(first.id, "Found")


async def test_a_link_holder_can_send_a_test_email_without_javascript(
    world: World, browser: Browser, paths: Paths, walk: Walk
) -> None:
    to = f"ada@r{uuid4().hex[:8]}.com"
    async with a_visit(browser, world.installation.console, java_script_enabled=False) as visit:
        await visit.page.goto(visit.console + paths.link)
        await ask_for_test(visit, to)
        await visit.page.get_by_label("Code", exact=True).fill(await read_code(world, to))
        await visit.page.get_by_role("button", name="Confirm and send").click()
        await visit.page.wait_for_selector('.chip:has-text("Delivered")')

        assert f"signed-by\n{walk.domain}" in await visit.page.locator(".letter").inner_text()


async def test_a_suppressed_test_email_is_not_shown_as_received(
    world: World, visit: Visit, paths: Paths, walk: Walk
) -> None:
    to = f"{uuid4().hex[:8]}@{walk.domain}"
    await world.services.suppressions.AddSuppression(AddSuppressionRequest(address=to))
    await visit.page.goto(visit.console + paths.link)
    await ask_for_test(visit, to)

    await visit.page.wait_for_selector("#sent:has-text('Suppressed')")
    await visit.page.wait_for_selector("text=This email is not being sent")
    assert await visit.page.locator(".letter").count() == 0


async def test_customers_pages_do_not_mention_aws(world: World, browser: Browser, paths: Paths) -> None:
    async with a_visit(browser, world.installation.console) as visit:
        await visit.page.goto(visit.console + paths.link)
        text = await visit.page.locator("body").inner_text()

        assert "Ready to send" in text
        assert not any(word in text for word in ("SES", "AWS", "arn:"))
        assert await visit.page.locator("nav").count() == 0
