"""The stories told with Resend's own SDKs, PyPI's and npm's: each call noted, as a line of one table.

`python -m tests.e2e.resend_calls` tells them against what `letterhead up` started, where .letterhead/ is.
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
from tests.e2e.packages import INSTALL_WITHIN, install, output
from tests.e2e.resend_python import Call
from tests.e2e.resend_stage import Stage, a_stage

NODE = {"node": "nodejs", "npm": "npm"}
NODE_STORY = Path(__file__).with_name("resend_node")


async def told_by_python(stage: Stage) -> list[Call]:
    """The story of PyPI's SDK."""
    return await asyncio.to_thread(resend_python.tell, stage)


async def told_by_node(stage: Stage, home: Path) -> list[Call]:
    """The story of npm's SDK, installed below `home` by its lock file; RuntimeError where that fails."""
    await install(NODE)
    place = shutil.copytree(NODE_STORY, home / "resend_node")
    await _installed(place)
    setting = {"url": stage.url, "key": stage.key, "strangerKey": stage.stranger_key}
    told = await output("node", str(place / "calls.mjs"), given=json.dumps(setting).encode())
    return [Call("node", **json.loads(line)) for line in told.splitlines()]


async def _installed(place: Path) -> None:
    """Installs by the lock file, with this process's own environment: that is where a proxy may be named."""
    command = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    pipe = asyncio.subprocess.PIPE
    npm = await asyncio.create_subprocess_exec(*command, cwd=place, stdout=pipe, stderr=pipe)
    async with asyncio.timeout(INSTALL_WITHIN):
        _, complained = await npm.communicate()
    if npm.returncode:
        raise RuntimeError(f"npm ci failed: {complained.decode()[-500:]}")


def table(calls: Iterable[Call]) -> list[str]:
    """Lines for people."""
    rows = [(str(number), each.sdk, each.what, each.answer) for number, each in enumerate(calls, 1)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


async def _tell() -> None:
    installation = Installation.read()
    async with (
        connect(installation, installation.admin_key) as admin,
        connect_sandbox(installation.control) as sandbox,
    ):
        stage = await a_stage(installation, admin, sandbox)
        with tempfile.TemporaryDirectory() as home:
            calls = [*await told_by_python(stage), *await told_by_node(stage, Path(home))]
    print("\n".join(table(calls)))  # noqa: T201 - a command prints


if __name__ == "__main__":
    asyncio.run(_tell())
