"""Callers without a valid key use a bounded amount of memory and delay others little."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from uuid import UUID

import grpc
import pytest

from cli.parent_death_signal import ending_with_parent
from tests.cgroups import memory
from tests.contract.manifests import memory_limit
from tests.contract.sources import ROOT
from tests.factories import a_key
from tests.figures import Figure
from tests.integration.sender.callers import Caller
from tests.integration.sender.conftest import Sender
from tests.integration.sender.flood import CALLERS, HALF, IDLE
from tests.integration.sender.processes import Process

pytestmark = pytest.mark.timeout(400)
SENDS = 200


@pytest.fixture
async def process(sender: Sender, tmp_path: Path) -> AsyncIterator[Process]:
    process = Process(sender, tmp_path)
    await process.start()
    yield process
    await process.kill()


@asynccontextmanager
async def flooded(port: int) -> AsyncIterator[dict[str, int]]:
    """Run callers without a key as long as the context is open; afterwards the mapping has their answers."""
    command = ending_with_parent([sys.executable, "-m", "tests.integration.sender.flood", str(port)])
    pipe = asyncio.subprocess.PIPE
    flood = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
    assert flood.stdout is not None
    assert await flood.stdout.readline() == b"ready\n"
    answers: dict[str, int] = {}
    yield answers
    out, _ = await flood.communicate(b"")
    answers |= json.loads(out)


async def timed_sends(caller: Caller, address: str) -> list[float]:
    """Send emails one after the other and return the milliseconds that each took."""
    spent = []
    for _ in range(SENDS):
        began = time.perf_counter()
        await caller.send(address)
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def shown(spent: list[float]) -> str:
    cuts = quantiles(spent, n=100)
    return f"p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms"


async def test_large_calls_without_a_key_use_little_memory_and_delay_others_little(
    sender: Sender, tenant_id: UUID, process: Process, figure: Figure
) -> None:
    domain = await sender.a_ready_domain(tenant_id)
    await sender.set_account(state="PAUSED")
    key = await a_key(sender.database, tenant_id)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{process.port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), timeout=30)
        caller = Caller(channel, key)
        alone = await timed_sends(caller, f"agent@{domain.name}")
        before = memory(process.pid, "VmRSS")
        async with flooded(process.port) as answers:
            together = await timed_sends(caller, f"agent@{domain.name}")
            peak, after = memory(process.pid, "VmHWM"), memory(process.pid, "VmRSS")

    limit = memory_limit("sender")
    figure(
        f"{CALLERS} callers of 40 MiB without a valid key, {IDLE} idle and {HALF} half-open connections:"
        f" sender used {before} MiB before, {peak} MiB at most, {after} MiB at the end, of {limit} MiB;"
        f" {sum(answers.values())} calls rejected;"
        f" another tenant's send {shown(together)}, alone {shown(alone)}"
    )
    assert set(answers) == {"UNAUTHENTICATED"}
    assert sum(answers.values()) >= CALLERS
    assert peak < limit / 2
