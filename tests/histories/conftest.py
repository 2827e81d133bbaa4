"""Options and fixtures: the seeds of the histories, their installation and the progress reports."""

import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.histories.crowd import Progress
from tests.histories.ground import Ground, a_ground

PROGRESS_SECONDS = (0.5, 10)  # between two lines: on a terminal, where they overwrite each other; elsewhere


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--histories", type=int, default=60, help="number of histories to play")
    parser.addoption(
        "--seed",
        type=int,
        default=20_260_101,
        help="seed of the first history; the others have the following numbers",
    )
    parser.addoption("--spoilt", action="store_true", help="also play histories with broken ownership rules")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--spoilt"):
        return
    spoilt = [item for item in items if item.path.name == "test_spoilt_rules_are_found.py"]
    if spoilt:
        config.hook.pytest_deselected(items=spoilt)
        items[:] = [item for item in items if item not in spoilt]


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest) -> range:
    """Return the seeds of the histories."""
    first = int(request.config.getoption("--seed"))
    return range(first, first + int(request.config.getoption("--histories")))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ground(workspace: Path) -> AsyncIterator[Ground]:
    """Return the installation that all tests of this tier share."""
    async with a_ground(workspace / "histories") as ground:
        yield ground


@pytest.fixture
def progress(request: pytest.FixtureRequest) -> Progress:
    """Return a function that reports the progress of a long test; on a terminal, in one line."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    terminal = None if hasattr(request.config, "workerinput") else sys.__stderr__  # xdist workers have none
    reported_at = float("-inf")
    pause = PROGRESS_SECONDS[terminal is None or not terminal.isatty()]

    def report(line: str, *, at_once: bool = False) -> None:
        nonlocal reported_at
        if terminal is None or (time.monotonic() - reported_at < pause and not at_once):
            return
        reported_at = time.monotonic()
        with capture.global_and_fixture_disabled():
            terminal.write(f"\r{line}" if terminal.isatty() else f"{line}\n")
            terminal.flush()

    return report
