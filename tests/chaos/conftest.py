"""One installation for all chaos tests, with windows short enough for a test; set only by settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from services import PROCESSES
from tests.chaos.outcomes import database
from tests.e2e.conftest import World, a_world

SENDS_PER_SECOND = 500
NAMES = [process.name for process in PROCESSES]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="long form, as in `make chaos`: tens of minutes")
    parser.addoption("--seed", type=int, default=20_260_101, help="seed of all random choices")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: only in the long form, `make chaos`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests of the long form in the short one."""
    if not config.getoption("--long"):
        others = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@dataclass(frozen=True)
class Scale:
    """The form of the run: short or long."""

    long: bool

    def of(self, short: int, long: int) -> int:
        """Return the number for this form."""
        return long if self.long else short


@pytest.fixture(scope="session")
def scale(request: pytest.FixtureRequest) -> Scale:
    """Return the form of this run."""
    return Scale(long=bool(request.config.getoption("--long")))


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """Return the seed, which every figure that depends on it must name."""
    return int(request.config.getoption("--seed"))


@asynccontextmanager
async def a_chaotic_world(
    home: Path, replicas: int = 1, *, variables: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[World]:
    """Run an installation with short windows and a fast SES; `variables` are added to those processes."""
    frequent = {"LETTERHEAD_AWS_CONTROL_INTERVAL": "0.02"}
    own = {
        "sender": {"LETTERHEAD_UNKNOWN_WINDOW": "5", "LETTERHEAD_RESEND_WINDOW": "5"},
        "identity": frequent,
        "verifier": frequent,
    }
    settings = {name: {**own.get(name, {}), **(variables or {}).get(name, {})} for name in NAMES}
    sandbox = {"LETTERHEAD_SANDBOX_CONTROL_RATE": "0"}
    async with a_world(home, replicas, sandbox=sandbox, two_regions=False, **settings) as world:
        await _raise_send_rate(world)
        yield world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chaotic(workspace: Path) -> AsyncIterator[World]:
    """Yield the installation that the chaos tests share."""
    async with a_chaotic_world(workspace / "chaos") as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def faults(chaotic: World) -> AsyncIterator[World]:
    """Yield the same installation for a test that makes SES fail; remove the faults afterwards."""
    yield chaotic
    for kind in ("ses", "events"):
        await chaotic.sandbox.call("DELETE", f"/{kind}/faults")


async def _raise_send_rate(world: World) -> None:
    """Raise SES's sending rate, also in the database, where verifier would update it within a minute."""
    await world.sandbox.call("PATCH", "/ses/account", {"max_send_rate": SENDS_PER_SECOND})
    connection = await database(world)
    await connection.execute("UPDATE verifier.ses_account SET max_send_rate = $1", SENDS_PER_SECOND)
    await connection.close()
