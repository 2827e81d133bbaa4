"""The console's pages in a real browser, while hostile people write what stands on them."""

import pytest

from tests.e2e.browser import Visit
from tests.e2e.conftest import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


async def test_signing_in_shows_the_pages(world: World, visit: Visit) -> None:
    await visit.sign_in(world.installation.api_key)

    assert visit.page.url.startswith(f"{visit.console}/app")
    assert visit.complaints == []
    assert visit.strays == []
