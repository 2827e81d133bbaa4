"""However many large emails are sent at once, the process stays below the memory limit of its manifest."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import grpc
import pytest

from chassis.client import failure_of
from chassis.config import MEBIBYTE
from letterhead.sender.v1.emails_pb2 import Attachment
from tests.cgroups import limited_memory
from tests.contract.manifests import memory_limit
from tests.factories import a_key
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender
from tests.integration.sender.processes import Process
from tests.integration.sender.test_keyless_floods import memory
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(1800)
FILE = os.urandom(27 * MEBIBYTE)
SENT_WITHIN = timedelta(minutes=20)
UNSENT = "SELECT count(*) AS count FROM sender.emails WHERE state <> 'SENT'"


async def sent_with_retries(caller: Caller, domain: str) -> int:
    """Send a large email, and again when sender is busy, as RetryInfo says; return how often it was."""
    request_id, busy = str(uuid4()), 0
    file = Attachment(file_name="film.bin", content=FILE, content_type="application/octet-stream")
    while True:
        try:
            await caller.send(f"agent@{domain}", attachments=[file], request_id=request_id)
        except grpc.aio.AioRpcError as error:
            failure = failure_of(error)
            assert failure.reason == "SERVER_BUSY", failure
            assert failure.retry_after
            await asyncio.sleep(failure.retry_after.total_seconds())
            busy += 1
        else:
            return busy


async def test_large_emails_wait_instead_of_exceeding_the_memory(
    sender: Sender, tenant_id: UUID, tmp_path: Path, figure: Figure, large_emails: int
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    key = await a_key(sender.database, tenant_id)
    limit = memory_limit("sender")
    process = Process(sender, tmp_path)
    await process.start()
    with limited_memory(limit) as group:
        if group:
            group.add(process.pid)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
            await asyncio.wait_for(channel.channel_ready(), timeout=60)
            caller = Caller(channel, key)
            await caller.send(f"agent@{domain.name}")
            before = memory(process.pid, "VmRSS")
            busy = await asyncio.gather(
                *(sent_with_retries(caller, domain.name) for _ in range(large_emails))
            )

            async def all_sent() -> bool:
                await asyncio.sleep(1)
                [row] = await sender.database.fetch(UNSENT)
                return bool(row["count"] == 0)

            await eventually(all_sent, SENT_WITHIN)
            peak = memory(process.pid, "VmHWM")
        await process.kill()

    enforced = "enforced by the kernel" if group else "NOT enforced: this user cannot create control groups"
    figure(
        f"{large_emails} emails of 27 MiB at once: all accepted after {sum(busy)} SERVER_BUSY, and sent;"
        f" sender used {before} MiB before and {peak} MiB at most, of {limit} MiB ({enforced})"
    )
    assert peak < limit
