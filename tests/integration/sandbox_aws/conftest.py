"""A pretend AWS over the real pretend Internet and mailbox, spoken to by boto3 over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.sandbox_aws.world import MakeWorld, World, open_world


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this worker's sandboxes keep their test CA."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
async def make_world(certificates: Path) -> AsyncIterator[MakeWorld]:
    """Makes a world; a keyword changes a setting of the AWS in it."""
    async with AsyncExitStack() as stack:

        async def make(**settings: float | bool | tuple[float, ...]) -> World:
            return await stack.enter_async_context(open_world(certificates, **settings))

        yield make


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    """A world in which nothing throttles, and SES looks at DNS all the time."""
    return await make_world()


@pytest.fixture
async def telling_world(world: World) -> World:
    """The same, with a configuration set that publishes all events to a queue, set up as in production."""
    await world.subscribe_queue()
    await world.notifications(1)  # the greeting
    return world
