"""Resend's unmodified SDKs call every endpoint; only their base URL is changed."""

from pathlib import Path

import pytest

from services.console.api import routes as api
from tests.e2e.conftest import World
from tests.e2e.resend_calls import answers_of_node, answers_of_python, table
from tests.e2e.resend_stage import a_stage
from tests.figures import Figure

# The first run may install Node from Debian's packages, and the SDK from its registry.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


async def test_the_official_sdks_work_with_every_endpoint(
    world: World, workspace: Path, figure: Figure
) -> None:
    stage = await a_stage(world.installation, world.admin, world.sandbox)

    by_python = await answers_of_python(stage)
    by_node = await answers_of_node(stage, workspace)

    for line in table([*by_python, *by_node]):
        figure(line)
    assert len(by_python) >= 40
    assert len(by_node) >= 40
    called = {each.what.partition(",")[0].partition("?")[0] for each in by_python}
    elsewhere = "/webhooks"  # test_webhooks_arrive.py calls these
    assert called >= {
        f"{each.method} {_as_recorded(each.path)}"
        for each in api.ENDPOINTS
        if not each.path.startswith(elsewhere)
    }


def _as_recorded(path: str) -> str:
    """Return a path as the scenarios write it."""
    for name in ("email_id", "domain_id", "api_key_id", "suppression"):
        path = path.replace(f"{{{name}}}", "{id}")
    return path
