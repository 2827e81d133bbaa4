"""Five hundred live pages on one console process: their cost, and how soon all of them show a change."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from cli.server_process import HOST, free_port
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, DnsRecord, Domain, GetDomainRequest
from letterhead.verifier.v1.verifier_pb2 import RecordCheck, WatchDomainRequest
from tests.e2e.conftest import World, a_world
from tests.factories import a_name
from tests.figures import Figure
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]

DOMAINS, PAGES_EACH = 5, 100
RECONNECT_DELAY = timedelta(seconds=0.5)  # as the page's own script is configured
PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
MEBIBYTE = 1024 * 1024
METRICS = free_port()
FOUND = re.compile(r'id="record-dkim-1"[^>]*data-status="Found"|data-status="Found"[^>]*id="record-dkim-1"')


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quiet(workspace: Path) -> AsyncIterator[World]:
    """Run an installation of its own, so that other tests do not affect the measurements."""
    own = {"LETTERHEAD_METRICS_PORT": str(METRICS)}
    async with a_world(workspace / "quiet", 1, console=own) as world:
        yield world


@dataclass
class LivePage:
    """One open page: how many updates it got, and whether it got the change."""

    updates: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, session: aiohttp.ClientSession, url: str) -> None:
        """Read events as a browser does: reconnect when the server ends, closes or rejects the stream.

        A burst of connections from one address may be above the limit of those that wait for their client.
        """
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(url) as stream:
                    stream.raise_for_status()
                    await self._follow(stream)
            await asyncio.sleep(RECONNECT_DELAY.total_seconds())

    async def _follow(self, stream: aiohttp.ClientResponse) -> None:
        event: list[str] = []
        async for line in stream.content:
            event.append(line.decode())
            if line == b"\n":
                self.updates += any(each.startswith("data:") for each in event)
                if FOUND.search("".join(event)):
                    self.changed.set()
                event.clear()


@asynccontextmanager
async def signed_in(world: World) -> AsyncIterator[aiohttp.ClientSession]:
    """Sign in as a tenant; yield a session without a connection limit."""
    jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(
        world.installation.console, cookie_jar=jar, connector=connector, timeout=timeout, read_bufsize=2**20
    ) as session:
        form = {"key": world.installation.api_key}
        async with session.post("/app/sign-in", data=form, allow_redirects=False) as answer:
            assert answer.status == 303
        yield session


@asynccontextmanager
async def open_pages(session: aiohttp.ClientSession, domains: list[Domain]) -> AsyncIterator[list[LivePage]]:
    """Open all pages; yield them once each has its first update."""
    async with AsyncExitStack() as stack:
        pages = [LivePage() for _ in domains * PAGES_EACH]
        for page, domain in zip(pages, domains * PAGES_EACH, strict=True):
            task = asyncio.create_task(page.read(session, f"/app/domains/{domain.id}/live"))
            stack.callback(task.cancel)
        await eventually(lambda: all(page.updates for page in pages), timedelta(seconds=180))
        yield pages


async def a_domain(world: World) -> Domain:
    """Create a domain in a zone of its own; return it once it has records."""
    name = a_name("ai")
    await world.sandbox.call("PUT", f"/dns/zones/{name}", {})
    made = (await world.services.domains.CreateDomain(CreateDomainRequest(name=name))).domain

    async def provisioned() -> Domain | None:
        request = GetDomainRequest(domain_id=made.id)
        now: Domain = (await world.services.domains.GetDomain(request)).domain
        return now if now.records else None

    return await eventually(provisioned, timedelta(seconds=60))


async def publish(world: World, record: DnsRecord) -> None:
    kind = DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
    await world.sandbox.publish(kind, record.name, record.value)


async def server_knows(world: World, domain: Domain) -> float:
    """Wait until verifier reports the first record as found; return the time."""
    async for answer in world.services.verifier.WatchDomain(WatchDomainRequest(domain_id=domain.id)):
        if answer.verification.records and answer.verification.records[0].status == RecordCheck.STATUS_FOUND:
            return time.monotonic()
    raise AssertionError("the stream ended")


def memory(pid: int) -> float:
    """Return the resident memory of a process, in MiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_SIZE / MEBIBYTE


def cpu(pid: int) -> float:
    """Return the CPU time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def gauges() -> dict[str, float]:
    """Return console's metrics of live pages and streams."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{HOST}:{METRICS}/metrics") as answer:
        text = await answer.text()
    return {
        name: float(value) for name, value in re.findall(r"^(letterhead_live_\w+) (\S+)$", text, re.MULTILINE)
    }


async def test_five_hundred_pages_share_a_few_streams(quiet: World, figure: Figure) -> None:
    domains = [await a_domain(quiet) for _ in range(DOMAINS)]
    pid = quiet.stack.parts["console"].pid
    assert pid
    before = memory(pid)

    async with signed_in(quiet) as session, open_pages(session, domains) as pages:
        open_now = await gauges()
        assert open_now["letterhead_live_streams"] == DOMAINS
        # On a slow machine the first pages are already about to reconnect.
        assert 0.9 * len(pages) <= open_now["letterhead_live_pages"] <= len(pages)
        used_memory, used_cpu = memory(pid), cpu(pid)
        reports = [asyncio.create_task(server_knows(quiet, domain)) for domain in domains]
        for domain in domains:
            await publish(quiet, domain.records[0])
        known = max(await asyncio.gather(*reports))
        await asyncio.gather(*(asyncio.wait_for(page.changed.wait(), 60) for page in pages))
        last = time.monotonic() - known

    figure(
        f"{len(pages)} live pages over {DOMAINS} streams: the last page showed a change {last:.2f} s after"
        f" the server knew; {used_memory - before:.0f} MiB more than {before:.0f} without them;"
        f" {cpu(pid) - used_cpu:.1f} s of CPU while all of them changed"
    )
