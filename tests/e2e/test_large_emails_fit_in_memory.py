"""However many large emails are sent at once, no process exceeds the memory limit of its manifest.

Half of them are sent by gRPC and half by HTTP. `--large-emails 50` sends fifty each way.
"""

import asyncio
import base64
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import grpc
import httpx
import pytest
import pytest_asyncio

from chassis.client import failure_of
from chassis.config import MEBIBYTE
from cli.polling import TRANSIENT
from letterhead.sender.v1.emails_pb2 import Address, Attachment, SendEmailRequest
from services import PROCESSES
from tests.cgroups import limited_memory, memory
from tests.contract.manifests import memory_limit
from tests.e2e.conftest import World, a_world
from tests.e2e.ready_domains import a_ready_domain
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(3600)]

FILE = os.urandom(27 * MEBIBYTE)
NAME = "film.bin"
TO = "success@simulator.amazonses.com"  # has no mailbox that would keep the files
PIECE = 256 * 1024
CALL_SECONDS = 120
RETRY = timedelta(seconds=1)
RETRYABLE = (429, 503, 504)
SUBMITTED_WITHIN = timedelta(minutes=40)
UNSUBMITTED = "SELECT count(*) FROM sender.emails WHERE state NOT IN ('SENT', 'UNKNOWN')"


@pytest_asyncio.fixture(loop_scope="session")
async def limited(workspace: Path) -> AsyncIterator[World]:
    """Yield an installation of its own; each process has the memory limit of its manifest.

    The kernel does not count again what a process used before it was limited. Only root may limit processes;
    for others, the test compares the peaks.
    """
    async with AsyncExitStack() as groups, a_world(workspace / "limited", 1) as world:
        for process in PROCESSES:
            [part] = world.stack.replicas_of(process.name)
            assert part.pid
            rest = memory_limit(process.name) - memory(part.pid, "VmRSS")
            if group := groups.enter_context(limited_memory(rest)):
                group.add(part.pid)
        yield world


async def send_by_grpc(world: World, sender: str, busy: Counter[str]) -> None:
    """Send a large email; retry while sender is busy, as RetryInfo says, or slow."""
    file = Attachment(file_name=NAME, content=FILE, content_type="application/octet-stream")
    request = SendEmailRequest(
        to=[Address(address=TO)], subject="gRPC", text="x", attachments=[file], request_id=str(uuid4())
    )
    getattr(request, "from").address = sender
    while True:
        try:
            await world.services.sender.SendEmail(request, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            assert failure.reason == "SERVER_BUSY" or failure.code in TRANSIENT, failure
            assert failure.reason != "SERVER_BUSY" or failure.retry_after
            busy[failure.reason] += 1
            await asyncio.sleep((failure.retry_after or RETRY).total_seconds())
        else:
            return


async def send_by_http(client: httpx.AsyncClient, body: bytes, busy: Counter[str]) -> None:
    """Send a large email; retry while console or sender is busy, as Retry-After says, or slow."""
    headers = {"idempotency-key": str(uuid4()), "content-length": str(len(body))}

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(body), PIECE):
            yield body[at : at + PIECE]

    while True:
        try:
            response = await client.post("/emails", content=pieces(), headers=headers)
        except httpx.TransportError:  # on a busy machine, the body takes longer than the server lets it
            busy["HTTP connections closed"] += 1
            continue
        if response.status_code == httpx.codes.OK:
            return
        assert response.status_code in RETRYABLE, response.text
        assert response.status_code != httpx.codes.TOO_MANY_REQUESTS or "retry-after" in response.headers
        busy[f"HTTP {response.status_code}"] += 1
        await asyncio.sleep(float(response.headers.get("retry-after", RETRY.total_seconds())))


def json_body(sender: str) -> bytes:
    file = {"filename": NAME, "content": base64.b64encode(FILE).decode()}
    return json.dumps(
        {"from": sender, "to": TO, "subject": "HTTP", "text": "x", "attachments": [file]}
    ).encode()


async def test_large_emails_wait_instead_of_exceeding_the_memory(
    limited: World, figure: Figure, large_emails: int
) -> None:
    sender = f"agent@{(await a_ready_domain(limited)).name}"
    parts = {each.name: limited.stack.parts[each.name] for each in PROCESSES}
    starts = {name: part.starts for name, part in parts.items()}
    body, busy = json_body(sender), Counter[str]()
    headers = {"authorization": f"Bearer {limited.installation.api_key}"}
    started = time.monotonic()

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=limited.installation.console, headers=headers, limits=limits, timeout=CALL_SECONDS
    ) as client:
        await asyncio.gather(
            *(send_by_grpc(limited, sender, busy) for _ in range(large_emails)),
            *(send_by_http(client, body, busy) for _ in range(large_emails)),
        )
    accepted = time.monotonic() - started

    database = await asyncpg.connect(limited.stack.postgres.url(database="letterhead"))

    async def all_submitted() -> bool:
        await asyncio.sleep(1)
        return bool(await database.fetchval(UNSUBMITTED) == 0)

    await eventually(all_submitted, SUBMITTED_WITHIN)
    await database.close()
    submitted = time.monotonic() - started
    peaks = {name: memory(part.pid, "VmHWM") for name, part in parts.items() if part.pid}
    used = ", ".join(f"{name} {peak} of {memory_limit(name)}" for name, peak in peaks.items())
    figure(
        f"{large_emails} emails of 27 MiB by gRPC and {large_emails} by HTTP at once: all accepted after"
        f" {accepted:.0f} s, retried {dict(busy)};"
        f" submitted to SES after {submitted:.0f} s; peaks in MiB: {used}"
    )
    assert {name: part.starts for name, part in parts.items()} == starts
    assert all(peak < memory_limit(name) for name, peak in peaks.items())
