"""Options of this tier, and the installation that its tests share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.clients.stage import Stage, a_stage


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="install the clients and run them too")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the real clients out unless they are asked for: they need package registries."""
    asked = config.getoption("--real")
    return True if collection_path.name == "real" and not asked else None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(workspace: Path) -> AsyncIterator[Stage]:
    """Run the installation that the tests of this tier share."""
    async with a_stage(workspace / "installation") as stage:
        yield stage
