"""One installation for the tier, with the short windows that let a test see their end; all by settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.truth import database
from tests.e2e.conftest import World, a_world

SENDS_PER_SECOND = 500


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="chaos as `make chaos` has it: tens of minutes")
    parser.addoption("--seed", type=int, default=20_260_101, help="of everything that chaos draws")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only in the long form, `make chaos`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves to the long form what is its own."""
    if not config.getoption("--long"):
        others = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@dataclass(frozen=True)
class Scale:
    """The short form, or the long one."""

    long: bool

    def of(self, short: int, long: int) -> int:
        """The number for this form."""
        return long if self.long else short


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    """How much of everything."""
    return Scale(long=bool(request.config.getoption("--long")))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed; printed with every figure that depends on it."""
    return int(request.config.getoption("--seed"))


@asynccontextmanager
async def a_chaotic_world(home: Path) -> AsyncIterator[World]:
    """An installation with short windows and a fast SES."""
    windows = {"LETTERHEAD_UNKNOWN_WINDOW": "5", "LETTERHEAD_RESEND_WINDOW": "5"}
    often = {"LETTERHEAD_AWS_CONTROL_INTERVAL": "0.02"}
    unhindered = {"LETTERHEAD_SANDBOX_CONTROL_RATE": "0"}
    async with a_world(home, 1, sender=windows, identity=often, verifier=often, sandbox=unhindered) as world:
        await _hurry(world)
        yield world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chaotic(workspace: Path) -> AsyncIterator[World]:
    """The installation that the tests of this tier share."""
    async with a_chaotic_world(workspace / "chaos") as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def faults(chaotic: World) -> AsyncIterator[World]:
    """The same, for a test that tells SES to go wrong; it is told to behave afterwards."""
    yield chaotic
    for kind in ("ses", "events"):
        await chaotic.sandbox.call("DELETE", f"/{kind}/faults")


async def _hurry(world: World) -> None:
    """Raises SES's sending rate, and lets the sender know at once instead of within a minute."""
    await world.sandbox.call("PATCH", "/ses/account", {"max_send_rate": SENDS_PER_SECOND})
    connection = await database(world)
    await connection.execute("UPDATE verifier.ses_account SET max_send_rate = $1", SENDS_PER_SECOND)
    await connection.close()
