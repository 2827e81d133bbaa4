"""Accessibility of the pages about webhooks in each state: light, dark and on a phone, with screenshots."""

from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.accessibility import THEMES, barriers_on
from tests.e2e.browser import a_visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import sign_in
from tests.e2e.tenants import a_tenant_key
from tests.e2e.webhook_states import WebhookPages, webhook_pages
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pages(world: World) -> WebhookPages:
    """Create the webhooks; return their pages."""
    return await webhook_pages(world)


@pytest.mark.parametrize("theme", THEMES)
async def test_every_page_about_webhooks_is_accessible(
    world: World, browser: Browser, pages: WebhookPages, theme: str, figure: Figure
) -> None:
    newcomer = await a_tenant_key(world, f"new {uuid4().hex[:8]}")
    problems: dict[str, list[str]] = {}
    for key, paths in ((pages.key, pages.paths), (newcomer, {"webhooks_none": "/app/webhooks"})):
        async with a_visit(browser, world.installation.console, **THEMES[theme]) as visit:
            await sign_in(visit, key)
            problems |= await barriers_on(visit, theme, paths)

    assert {name: found for name, found in problems.items() if found} == {}
    figure(f"{theme}: {len(problems)} pages about webhooks, 0 serious or critical axe findings")
