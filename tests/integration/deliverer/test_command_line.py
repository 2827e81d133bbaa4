"""`letterhead webhooks`: manage endpoints, read what was posted, and receive events on this machine."""

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from cli.installation import FILE, Installation
from cli.server_process import free_port
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.integration.deliverer.conftest import Hooks, verified
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

LETTERHEAD = Path(sys.executable).with_name("letterhead")
UNUSED = "127.0.0.1:1"
# Ctrl-C ends a process also if these tests run in the background, where a shell makes it ignored.
INTERRUPTIBLE = ("env", "--default-signal=INT")
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
    assert process.stdin is not None
    process.stdin.close()  # ends it
    await process.wait()


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


@asynccontextmanager
async def a_local_receiver() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Run a server on this machine; yield its URL and the posts that it received."""
    posts: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        posts.append({"headers": headers, "body": await request.text()})
        return web.Response()

    application, port = web.Application(), free_port()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/hook", posts
    await runner.cleanup()


async def test_listen_posts_events_to_this_machine_until_it_is_interrupted(
    hooks: Hooks, folder: Path
) -> None:
    async with a_local_receiver() as (url, posts):
        process = await asyncio.create_subprocess_exec(
            *INTERRUPTIBLE, LETTERHEAD, "webhooks", "listen", "--forward-to", url,
            cwd=folder, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        secret = (await process.stdout.readline()).decode().split()[-1]
        await process.stdout.readline()

        await hooks.publish(a_bounce())
        await hooks.publish(a_bounce())

        await eventually(lambda: len(posts) == 2, within=timedelta(seconds=15))
        assert {verified(post, secret)["type"] for post in posts} == {"email.bounced"}
        assert len({post["headers"]["webhook-id"] for post in posts}) == 2
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert (process.returncode, errors) == (130, b"")
    left = await hooks.stub.ListEndpoints(pb.ListEndpointsRequest(), metadata=hooks.key)
    assert list(left.endpoints) == []
