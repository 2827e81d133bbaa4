"""A domain's page in each situation, as a customer sees it: light, dark, and on a phone.

Writes the screenshots to output/situations/.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from cli.embedded import NatsServer, Postgres
from tests.e2e.accessibility import THEMES, barriers, save_screenshot
from tests.e2e.browser import a_visit
from tests.integration.console.conftest import Customer, a_customer
from tests.integration.console.situations import SITUATIONS, ZONE
from tests.stores import fresh_database
from tests.streams import fresh_stream

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SCREENSHOTS = Path("output/situations")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def customer(migrated: Postgres, nats_server: NatsServer) -> AsyncIterator[Customer]:
    """Yield a customer of a console whose domains stay in their situations: nothing checks them."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "sandbox")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        async with (
            fresh_database(migrated) as database,
            fresh_stream(nats_server) as stream,
            a_customer(database, stream) as customer,
        ):
            yield customer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def links(customer: Customer) -> dict[str, str]:
    """Create a domain in each situation; return the paths of links to their pages."""
    return {
        name: await customer.a_link(situation, f"{name.replace('_', '-')}.{ZONE}")
        for name, situation in SITUATIONS.items()
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def console(customer: Customer) -> str:
    return str(customer.client.base_url).rstrip("/")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_situation_is_accessible(
    console: str, links: dict[str, str], browser: Browser, name: str, theme: str
) -> None:
    async with a_visit(browser, console, **THEMES[theme]) as visit:
        await visit.page.goto(console + links[name])
        await save_screenshot(visit, SCREENSHOTS / f"{name}-{theme}.png")

        assert await barriers(visit) == []
        assert visit.complaints == []


async def test_the_summary_leads_to_a_record_by_keyboard_without_javascript(
    console: str, links: dict[str, str], browser: Browser
) -> None:
    async with a_visit(browser, console, java_script_enabled=False) as visit:
        await visit.page.goto(console + links["several_wrong"])
        link = visit.page.get_by_role("navigation", name="Records to fix").get_by_role("link", name="SPF")

        await link.focus()
        await visit.page.keyboard.press("Enter")

        assert visit.page.url.endswith("#record-spf-1")
        assert await visit.page.locator("#record-spf-1:target").count() == 1
        assert await visit.page.locator("#record-spf-1 mark").first.is_visible()


async def test_marks_are_said_to_screen_readers(
    console: str, links: dict[str, str], browser: Browser
) -> None:
    async with a_visit(browser, console) as visit:
        await visit.page.goto(console + links["several_wrong"])

        said = await visit.page.locator("#record-return-path-1 .said").aria_snapshot()

        assert "(wrong: 10. )" in said


async def test_check_again_shows_that_a_failed_domain_is_being_checked(
    console: str, links: dict[str, str], browser: Browser
) -> None:
    async with a_visit(browser, console) as visit:
        await visit.page.goto(console + links["failed"])
        before = await visit.page.get_by_role("heading", name="Setup timed out").count()

        await visit.page.get_by_role("button", name="Check again").click()
        await visit.page.get_by_role("heading", name="Checking…").wait_for()

        assert before == 1
        assert await visit.page.get_by_label("Domain status").get_by_text("Checked until").is_visible()
