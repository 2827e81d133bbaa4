"""Attackers that hold connections, and their effect on health checks and on another tenant's emails.

Run as a program, it is the attackers' process: `attackers HOST PORT ADDRESS`, with a pickled Attack on stdin.
"""

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx

from chassis.access import generate_key
from cli.parent_death_signal import ending_with_parent
from tests.contract.sources import ROOT

AGAIN = 1.0  # seconds until an attacker reconnects after its connection was closed
OPEN_AT_ONCE = 200
ALL_THERE_WITHIN = 120  # seconds


@dataclass(frozen=True)
class Attack:
    """A number of connections that each send the same bytes, and then a trickle of bytes, if any."""

    name: str
    count: int
    sent: bytes = b""
    trickle: bytes = b""

    @asynccontextmanager
    async def under_way(self, host: str, port: int, address: str) -> AsyncIterator[None]:
        """Attack from an address until the block ends; the block starts once all have connected."""
        command = [*ending_with_parent([sys.executable, "-m", __name__]), host, str(port), address]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, cwd=ROOT)
        assert process.stdin
        assert process.stdout
        process.stdin.write(pickle.dumps(self))
        process.stdin.close()
        try:
            async with asyncio.timeout(ALL_THERE_WITHIN):
                await process.stdout.readline()
            yield
        finally:
            process.kill()
            await process.wait()

    async def run(self, host: str, port: int, address: str) -> None:
        """Attack until the process ends."""
        opening, arrived = asyncio.Semaphore(OPEN_AT_ONCE), Counter[str]()
        await asyncio.gather(*(self._hold(host, port, address, opening, arrived) for _ in range(self.count)))

    async def _hold(
        self, host: str, port: int, address: str, opening: asyncio.Semaphore, arrived: Counter[str]
    ) -> None:
        while True:
            with suppress(OSError):
                async with opening:
                    reader, writer = await asyncio.open_connection(host, port, local_addr=(address, 0))
                arrived["connections"] += 1
                if arrived["connections"] == self.count:
                    sys.stdout.write("all connected\n")
                    sys.stdout.flush()
                try:
                    writer.write(self.sent)
                    await self._wait(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(AGAIN)

    async def _wait(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Wait until the server closes the connection."""
        while not reader.at_eof():
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await reader.read(4096)
            if self.trickle:
                writer.write(self.trickle)


def long_to(host: bytes, key: str | None = None) -> bytes:
    """Return a request of 60 kB that is nearly all `to`, with an unknown key unless `key` is given."""
    email = {"from": "a@x.com", "to": [" " * 990] * 60, "subject": "s", "text": "t"}
    body = json.dumps(email).encode()
    return (
        b"POST /emails HTTP/1.1\r\nhost: %s\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
        % (host, (key or generate_key()[0]).encode(), len(body), body)
    )


@dataclass
class Watch:
    """The latencies of health checks and of another tenant's emails, in seconds."""

    console: str
    headers: dict[str, str]
    email: dict[str, str]
    health: list[float] = field(default_factory=list)
    sends: list[float] = field(default_factory=list)

    async def measure(self, seconds: float) -> None:
        """Do both in turn for this many seconds. Raise AssertionError if one fails."""
        end = time.monotonic() + seconds
        async with httpx.AsyncClient(base_url=self.console, headers=self.headers, timeout=30) as client:
            while time.monotonic() < end:
                self.health.append(await self._health())
                start = time.monotonic()
                answer = await client.post("/emails", json=self.email)
                self.sends.append(time.monotonic() - start)
                assert answer.status_code == 200, answer.text

    async def _health(self) -> float:
        """Check health as the kubelet does, over a new connection; return the seconds it took."""
        start, url = time.monotonic(), httpx.URL(self.console)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: %s\r\nconnection: close\r\n\r\n" % url.netloc)
        status = await asyncio.wait_for(reader.readline(), 30)
        writer.close()
        assert b" 200 " in status, status
        return time.monotonic() - start

    def summary(self) -> str:
        """Return both latencies as text."""
        return f"/healthz {_percentiles(self.health)}, send {_percentiles(self.sends)}"


def _percentiles(seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return f"p50 {cuts[49] * 1000:.0f} p99 {cuts[98] * 1000:.0f} ms"


def peak_memory(pid: int) -> float:
    """Return the peak resident memory of a process since `forget_peak`, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(kilobytes) / 1024


def forget_peak(pid: int) -> None:
    """Reset the peak resident memory of a process (Linux, proc(5): clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


if __name__ == "__main__":
    attack = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the test that started us
    asyncio.run(attack.run(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
