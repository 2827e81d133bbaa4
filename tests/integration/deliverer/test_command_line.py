"""`letterhead webhooks`: manage endpoints, read what was posted, and receive events on this machine."""

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cli.installation import FILE, Installation
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.integration.deliverer.conftest import Hooks
from tests.integration.deliverer.emails import a_bounce

LETTERHEAD = Path(sys.executable).with_name("letterhead")
UNUSED = "127.0.0.1:1"
COMMANDS = """
import json, sys
from typer.testing import CliRunner
from cli.__main__ import app

for line in sys.stdin:
    result = CliRunner().invoke(app, json.loads(line), env={'COLUMNS': '400'})
    print(json.dumps([result.exit_code, result.output]), flush=True)
"""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def folder(hooks: Hooks, tmp_path: Path) -> Path:
    """Return a folder in which the command line finds the services of this test."""
    Installation(
        identity=UNUSED, verifier=UNUSED, sender=UNUSED, nats=UNUSED, deliverer=UNUSED,
        webhooks=f"127.0.0.1:{hooks.port}",
        api_key=hooks.key[0][1].removeprefix("Bearer "),
        grpc_plaintext=True,
    ).write(tmp_path / FILE)  # fmt: skip
    return tmp_path


class Shell:
    """One process that runs several commands, because starting the command line takes a second of CPU."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run a command of `letterhead webhooks`; return what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(["webhooks", *arguments]).encode() + b"\n")
        status, printed = json.loads(await self._process.stdout.readline())
        assert status == code, printed
        return str(printed)


@pytest.fixture
async def letterhead(folder: Path) -> AsyncIterator[Shell]:
    """Yield a shell in the folder."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMANDS,
        cwd=folder,
        stdin=PIPE,
        stdout=PIPE,
    )
    yield Shell(process)
    await process.communicate()


async def test_an_endpoint_is_managed_and_its_events_are_read(hooks: Hooks, letterhead: Shell) -> None:
    added = await letterhead("add", hooks.url("/cli"), "--event", "email.bounced")
    endpoint_id, secret = re.findall(r"created: (\S+)\n  secret  (whsec_\S+)", added)[0]
    endpoint = pb.Endpoint(id=endpoint_id)
    assert "ENABLED" in await letterhead("list")
    assert secret in await letterhead("show", endpoint_id)

    await hooks.publish(a_bounce())
    event = await hooks.becomes(endpoint, "DELIVERED")
    assert event.id in await letterhead("events", endpoint_id, "--state", "delivered")
    payload = json.loads(await letterhead("event", endpoint_id, event.id))
    assert payload["type"] == "email.bounced"
    assert " 200 " in await letterhead("attempts", endpoint_id, event.id)

    await letterhead("replay", endpoint_id, event.id)
    await hooks.posts("/cli", 2)
    await letterhead("test", endpoint_id)
    await hooks.posts("/cli", 3)
    await letterhead("recover", endpoint_id, "--since", "2026-01-01T00:00:00")
    assert secret not in await letterhead("rotate", endpoint_id)
    assert "DISABLED (REQUESTED)" in await letterhead("update", endpoint_id, "--disable")
    assert "letterhead webhooks update --enable" in await letterhead("test", endpoint_id, code=1)
    await letterhead("delete", endpoint_id)
    assert "letterhead webhooks list" in await letterhead("show", endpoint_id, code=1)


async def test_wrong_usage_is_refused_before_any_call(letterhead: Shell) -> None:
    unknown = await letterhead("add", "https://x.example.net/", "--event", "email.opened", code=2)
    no_url = await letterhead("listen", "--forward-to", "localhost:3000", code=2)
    nothing = await letterhead("update", "x", code=2)

    assert "Unknown event type email.opened. Use one of email.sent" in unknown
    assert "Use one such as http://localhost:3000/hook" in no_url
    assert "Nothing to change" in nothing
