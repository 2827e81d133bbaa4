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
from tests.figures import Figure
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


@pytest.mark.parametrize("theme", THEMES)
async def test_every_situation_is_accessible(
    customer: Customer, links: dict[str, str], browser: Browser, theme: str, figure: Figure
) -> None:
    problems: dict[str, list[str]] = {}
    async with a_visit(browser, str(customer.client.base_url).rstrip("/"), **THEMES[theme]) as visit:
        for name, link in links.items():
            await visit.page.goto(visit.console + link)
            await save_screenshot(visit, SCREENSHOTS / f"{name}-{theme}.png")
            problems[name] = await barriers(visit)

    assert {name: found for name, found in problems.items() if found} == {}
    figure(
        f"{theme}: {len(problems)} situations, 0 serious or critical axe findings, none wider than the window"
    )
