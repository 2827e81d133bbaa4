"""Runs scenarios with Resend's own SDKs, from PyPI and npm, and prints their calls as a table.

`python -m tests.e2e.resend_calls` runs them against what `letterhead up` started, in the same folder.
"""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cli.client import connect
from cli.installation import Installation
from sandbox.client import connect_sandbox
from tests.e2e import resend_python
from tests.e2e.packages import NODE, install, install_npm_project, output
from tests.e2e.resend_python import Call
from tests.e2e.resend_stage import Stage, a_stage

NODE_STORY = Path(__file__).with_name("resend_node")


async def answers_of_python(stage: Stage) -> list[Call]:
    """Run the scenario of PyPI's SDK; return its calls."""
    return await asyncio.to_thread(resend_python.run_scenario, stage)


async def answers_of_node(stage: Stage, home: Path) -> list[Call]:
    """Run the scenario of npm's SDK, installed in `home`; raise RuntimeError if that fails."""
    await install(NODE)
    folder = shutil.copytree(NODE_STORY, home / "resend_node")
    await install_npm_project(folder)
    setting = {"url": stage.url, "key": stage.key, "strangerKey": stage.stranger_key}
    lines = await output("node", str(folder / "calls.mjs"), given=json.dumps(setting).encode())
    return [Call("node", **json.loads(line)) for line in lines.splitlines()]


def table(calls: Iterable[Call]) -> list[str]:
    """Return calls as aligned lines of a table."""
    rows = [(str(number), each.sdk, each.what, each.answer) for number, each in enumerate(calls, 1)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


async def _run() -> None:
    installation = Installation.read()
    async with (
        connect(installation, installation.admin_key) as admin,
        connect_sandbox(installation.control) as sandbox,
    ):
        stage = await a_stage(installation, admin, sandbox)
        with tempfile.TemporaryDirectory() as home:
            calls = [*await answers_of_python(stage), *await answers_of_node(stage, Path(home))]
    print("\n".join(table(calls)))  # noqa: T201 - this is a command


if __name__ == "__main__":
    asyncio.run(_run())
