"""Fixtures that run the simulated AWS with the sandbox's DNS and mailbox, for calls by boto3 over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.sandbox_aws.world import MakeWorld, World, open_world


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory in which this worker's sandboxes keep their test CA."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
async def make_world(certificates: Path) -> AsyncIterator[MakeWorld]:
    """Return a function that starts a world; its keyword arguments change settings of AWS."""
    async with AsyncExitStack() as stack:

        async def make(**settings: float | bool | tuple[float, ...]) -> World:
            return await stack.enter_async_context(open_world(certificates, **settings))

        yield make


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    """Start a world without throttling, in which SES checks DNS continuously."""
    return await make_world()


@pytest.fixture
async def publishing_world(world: World) -> World:
    """Return the world with a configuration set that publishes all events to a queue, as in production."""
    await world.subscribe_queue()
    await world.notifications(1)  # the greeting
    return world
