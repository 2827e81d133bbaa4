"""One installation per pytest process, replaced by a new one after a fault that did not heal."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.drill.faults import FAULTS
from tests.drill.report import Drill, table
from tests.drill.rules import TIMES_FASTER
from tests.drill.stage import Stage, a_stage

# Of both stores and a process: those that are seen and heal the fastest.
SAMPLE = frozenset({"NATS is down", "Postgres hangs", "sender is down"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-faults", action="store_true", help="drill every fault, as in `make drill`")
    parser.addoption("--seed", type=int, default=20_260_101, help="seed of the order of the faults")
    parser.addoption("--table", type=Path, help="file to write the table of all drills to")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the faults into the order of the seed; deselect those not in the sample, unless all are wanted."""
    drills = [item for item in items if item.name.startswith("test_a_fault")]
    others = [item for item in items if item not in drills]
    random.Random(config.getoption("--seed")).shuffle(drills)  # noqa: S311 - not a secret
    items[:] = [*others, *drills]
    if config.getoption("--all-faults"):
        return
    names = {each.name for each in FAULTS} - SAMPLE
    others = [item for item in items if any(f"[{name}]" in item.name for name in names)]
    items[:] = [item for item in items if item not in others]
    config.hook.pytest_deselected(items=others)


class Stages:
    """The installation that the drills share."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._started = 0
        self._stage: Stage | None = None
        self._exits = AsyncExitStack()

    async def usable(self) -> Stage:
        """Return the installation; start one if there is none."""
        if self._stage is None:
            self._started += 1
            home = self._home / f"drill-{self._started}"
            self._stage = await self._exits.enter_async_context(a_stage(home))
        return self._stage

    async def discard(self) -> None:
        """Stop the installation, so that the next drill gets a new one."""
        self._stage = None
        await self._exits.aclose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stages(workspace: Path) -> AsyncIterator[Stages]:
    found = Stages(workspace)
    yield found
    await found.discard()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of the drills, and write it to the file of `--table`."""
    drills = [
        Drill.loaded(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "drill" and getattr(report, "when", "") == "call"
    ]
    if not drills:
        return
    text = table(drills, faster=TIMES_FASTER)
    terminalreporter.section("drill")
    terminalreporter.write_line(text)
    if path := config.getoption("--table"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
