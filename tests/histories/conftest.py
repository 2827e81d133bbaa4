"""Which histories are played, and the installation that they are played on."""

import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.histories.crowd import Progress
from tests.histories.ground import Ground, a_ground

PROGRESS_SECONDS = (0.5, 10)  # between two lines: on a terminal, which overwrites them, and elsewhere


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=60, help="how many histories are played")
    parser.addoption(
        "--seed", type=int, default=20_260_101, help="seed of the first; each next one has the next"
    )


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds of the histories."""
    first = int(request.config.getoption("--seed"))
    return range(first, first + int(request.config.getoption("--histories")))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ground(workspace: Path) -> AsyncIterator[Ground]:
    """The installation that the tests of this tier share."""
    async with a_ground(workspace / "histories") as ground:
        yield ground


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """Says how far a long test is: on the terminal, one line that is written over."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = None if hasattr(request.config, "workerinput") else sys.__stderr__  # a worker of many has none
    told = float("-inf")
    pause = PROGRESS_SECONDS[terminal is None or not terminal.isatty()]

    def tell(line: str, *, at_once: bool = False) -> None:
        nonlocal told
        if terminal is None or (time.monotonic() - told < pause and not at_once):
            return
        told = time.monotonic()
        with capture.global_and_fixture_disabled():
            terminal.write(f"\r{line}" if terminal.isatty() else f"{line}\n")
            terminal.flush()

    return tell
