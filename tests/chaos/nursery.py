"""Copies of a service for a test to kill; each copy that dies is soon restarted."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.parent_death_signal import ending_with_parent
from cli.server_process import HOST, free_port
from tests.contract.sources import ROOT
from tests.e2e.conftest import World
from tests.waiting import eventually

SERVES_WITHIN = timedelta(minutes=5)  # only against hanging; includes importing the service once
CALL_SECONDS = 2


@dataclass
class Nursery:
    """The copies of one service; `addresses` are their host:port, and all of them write to `log`."""

    addresses: list[str]
    key: str
    log: Path
    pids: dict[int, int] = field(default_factory=dict)
    kills: int = 0

    def kill(self, copy: int) -> int:
        """Kill a copy with SIGKILL and return the pid that it had; `forks.py` restarts it."""
        pid = self.pids.pop(copy)
        with suppress(ProcessLookupError):  # it has just exited
            os.kill(pid, signal.SIGKILL)
        self.kills += 1
        return pid

    async def serving(self, copy: int) -> None:
        """Wait until a copy serves."""
        await eventually(lambda: serves(self.addresses[copy], self.key), SERVES_WITHIN)

    async def follow(self, output: asyncio.StreamReader) -> None:
        """Record the pid of each copy that is started, from the output of `forks.py`."""
        while line := await output.readline():
            copy, pid = map(int, line.split())
            self.pids[copy] = pid


@asynccontextmanager
async def nursery(
    world: World, service: str, home: Path, *, copies: int = 1, **settings: str
) -> AsyncIterator[Nursery]:
    """Replace a service of the stack by copies with additional settings, as long as the context is open."""
    [part] = world.stack.replicas_of(service)
    await part.stop()
    ports = [int(part.environ["LETTERHEAD_GRPC_PORT"]), *(free_port() for _ in range(copies - 1))]
    environs = [{**part.environ, **settings, "LETTERHEAD_GRPC_PORT": str(port)} for port in ports]
    process = await _start(_arguments(home, f"services.{service}", environs))
    assert process.stdout is not None
    running = Nursery([f"{HOST}:{port}" for port in ports], world.stack.admin_key, home / "log")
    following = asyncio.create_task(running.follow(process.stdout))
    try:
        await asyncio.gather(*(running.serving(copy) for copy in range(copies)))
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await following
        part.start()
        await running.serving(0)  # the copies are gone, and the first had the service's own port


def _arguments(home: Path, package: str, copies: Sequence[Mapping[str, str]]) -> Path:
    home.mkdir()
    file = home / "arguments.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"package": package, "copies": copies, "log": str(home / "log")}))
    return file


async def _start(arguments: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *ending_with_parent([sys.executable, "-m", "tests.chaos.forks", str(arguments)]),
        cwd=ROOT,
        env={"PATH": os.defpath},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def serves(address: str, key: str) -> bool:
    """Return whether a process at an address is SERVING."""
    metadata = (("authorization", f"Bearer {key}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        with suppress(grpc.aio.AioRpcError):
            request = health_pb2.HealthCheckRequest()
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(request, timeout=CALL_SECONDS, metadata=metadata)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    return False
