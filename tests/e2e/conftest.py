"""An installation for this tier: every service as a process, started as `letterhead up` starts them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from cli.client import Services, connect
from cli.events import Tail
from cli.installation import Installation
from cli.local_installation import running
from cli.printer import Printer
from cli.stack import Plan, Stack
from sandbox.client import SandboxClient, connect_sandbox
from tests.e2e.browser import Visit, a_browser, a_visit


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--replicas", type=int, default=1, help="processes of each service")
    parser.addoption(
        "--advice-changes",
        type=int,
        default=30,
        help="changes of a READY domain's DMARC policy; 1,000 in full",
    )
    parser.addoption(
        "--large-emails", type=int, default=3, help="large emails sent at once by gRPC, and as many by HTTP"
    )


@dataclass(frozen=True)
class World:
    """A running installation with open connections to it."""

    stack: Stack
    installation: Installation
    services: Services
    admin: Services
    sandbox: SandboxClient
    tail: Tail


@asynccontextmanager
async def a_world(
    home: Path, replicas: int, *, two_regions: bool = False, **settings: dict[str, str]
) -> AsyncIterator[World]:
    """Start a new installation; `settings` are LETTERHEAD_* variables by service."""
    plan = Plan.on_free_ports(home, replicas, fsync=False, two_regions=two_regions, settings=settings)
    async with a_world_of(plan) as world:
        yield world


@asynccontextmanager
async def a_world_of(plan: Plan) -> AsyncIterator[World]:
    """Start a new installation by this plan."""
    async with AsyncExitStack() as exits:
        stack, installation = await exits.enter_async_context(running(plan, Printer(), _discard))
        yield World(
            stack,
            installation,
            await exits.enter_async_context(connect(installation)),
            await exits.enter_async_context(connect(installation, installation.admin_key)),
            await exits.enter_async_context(connect_sandbox(installation.control)),
            await exits.enter_async_context(Tail.open(installation.wire, everything=True)),
        )


def _discard(_part: str, _line: str) -> None:
    """Ignore the output of the parts, which is in their log files."""


@pytest.fixture(scope="session")
def replicas(request: pytest.FixtureRequest) -> int:
    """Return how many processes each service has: `make test-e2e REPLICAS=2`."""
    return int(request.config.getoption("--replicas"))


@pytest.fixture(scope="session")
def advice_changes(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--advice-changes"))


@pytest.fixture(scope="session")
def large_emails(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--large-emails"))


@pytest.fixture(scope="session")
def home(workspace: Path) -> Path:
    return workspace / "installation"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world(home: Path, replicas: int) -> AsyncIterator[World]:
    """Run the installation that the tests of this tier share."""
    async with a_world(home, replicas) as world:
        yield world


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Run the browser that the tests of this tier share."""
    async with a_browser() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, world: World) -> AsyncIterator[Visit]:
    """Open a browser context at the console of the shared installation, not signed in."""
    async with a_visit(browser, world.installation.console) as visit:
        yield visit
