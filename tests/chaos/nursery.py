"""Copies of a service that a test kills: it knows their pids, and each that dies is back soon."""

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

from cli.server_process import HOST, free_port
from cli.tether import tethered
from tests.contract.sources import ROOT
from tests.e2e.conftest import World
from tests.waiting import eventually

BORN_WITHIN = timedelta(seconds=60)  # the one import of the service included
CALL_SECONDS = 2


@dataclass
class Nursery:
    """The copies of one service; `addresses` are host:port of each."""

    addresses: list[str]
    key: str
    pids: dict[int, int] = field(default_factory=dict)
    kills: int = 0

    def kill(self, copy: int) -> int:
        """Kills one copy (SIGKILL) and gives the pid that it had; it is started again by itself."""
        pid = self.pids.pop(copy)
        with suppress(ProcessLookupError):  # it ended by itself just now
            os.kill(pid, signal.SIGKILL)
        self.kills += 1
        return pid

    async def serving(self, copy: int) -> None:
        """Waits until a copy answers."""
        await eventually(lambda: _serves(self.addresses[copy], self.key), BORN_WITHIN)

    async def follow(self, births: asyncio.StreamReader) -> None:
        """Notes who was born."""
        while line := await births.readline():
            copy, pid = map(int, line.split())
            self.pids[copy] = pid


@asynccontextmanager
async def nursery(
    world: World, service: str, home: Path, *, copies: int = 1, **settings: str
) -> AsyncIterator[Nursery]:
    """Takes the place of a service of the stack for a while: copies of it, with settings beside its own."""
    [part] = world.stack.replicas_of(service)
    await part.stop()
    ports = [int(part.environ["LETTERHEAD_GRPC_PORT"]), *(free_port() for _ in range(copies - 1))]
    environs = [{**part.environ, **settings, "LETTERHEAD_GRPC_PORT": str(port)} for port in ports]
    process = await _start(_told(home, f"services.{service}", environs))
    assert process.stdout is not None
    born = Nursery([f"{HOST}:{port}" for port in ports], world.stack.admin_key)
    following = asyncio.create_task(born.follow(process.stdout))
    try:
        await asyncio.gather(*(born.serving(copy) for copy in range(copies)))
        yield born
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await following
        part.start()
        await born.serving(0)  # the copies are gone, and the first had the service's own port


def _told(home: Path, package: str, copies: Sequence[Mapping[str, str]]) -> Path:
    home.mkdir()
    told = home / "told.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps({"package": package, "copies": copies, "log": str(home / "log")}))
    return told


async def _start(told: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *tethered([sys.executable, "-m", "tests.chaos.forks", str(told)]),
        cwd=ROOT,
        env={"PATH": os.defpath},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def _serves(address: str, key: str) -> bool:
    metadata = (("authorization", f"Bearer {key}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        with suppress(grpc.aio.AioRpcError):
            request = health_pb2.HealthCheckRequest()
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(request, timeout=CALL_SECONDS, metadata=metadata)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
    return False
