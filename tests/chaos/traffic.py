"""What callers do during a rollout: send email, read, watch a page; and which of their calls failed."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import grpc

from cli.polling import TRANSIENT
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest, GetDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest
from letterhead.verifier.v1.verifier_pb2 import GetVerificationRequest, WatchDomainRequest
from letterhead.webhooks.v1 import webhook_service_pb2 as webhooks
from tests.chaos.endpoints import HOST
from tests.chaos.rollout import Ingress
from tests.e2e.conftest import World

CALLERS = 2  # of each kind
PAUSE = 0.05  # seconds between two calls of a caller
RETRY = 0.1
CALL_SECONDS = 15
TO = "success@simulator.amazonses.com"
RETRYABLE_STATUSES = frozenset({429, 503, 504})
UPLOAD_PIECES, UPLOAD_PAUSE = 20, 0.2  # of an email whose body arrives slowly
TYPES = {
    "email.sent": webhooks.EVENT_TYPE_EMAIL_SENT,
    "email.delivered": webhooks.EVENT_TYPE_EMAIL_DELIVERED,
}


@dataclass
class Calls:
    """The outcomes of calls: those that were retried, as callers are told to, and those that failed."""

    done: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        retried = ", ".join(f"{count} {error}" for error, count in sorted(self.retried.items())) or "none"
        return f"{self.done} calls, {len(self.failed)} failed, retried: {retried}"


@dataclass
class Traffic:
    """Callers of one tenant."""

    world: World
    ingress: Ingress
    session: aiohttp.ClientSession
    domain_id: str
    domain: str
    calls: Calls = field(default_factory=Calls)
    emails: set[str] = field(default_factory=set)
    page_opened: int = 0
    page_updates: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def send_by_grpc(self) -> None:
        """Send emails one after the other."""
        while not self.over.is_set():
            request = SendEmailRequest(
                to=[Address(address=TO)], subject="Rollout", text="x", request_id=str(uuid4())
            )
            getattr(request, "from").address = f"agent@{self.domain}"
            response = await self._grpc("SendEmail", self.world.services.sender.SendEmail, request)
            self.emails.add(response.email.id)
            await asyncio.sleep(PAUSE)

    async def send_by_http(self, *, slowly: bool = False) -> None:
        """Send emails one after the other, if `slowly` so that console is often stopped meanwhile."""
        email = {"from": f"agent@{self.domain}", "to": TO, "subject": "Rollout", "text": "x" * 1000}
        body = json.dumps(email).encode()
        while not self.over.is_set():
            answer = await self._http("/emails", body, slowly=slowly)
            self.emails.add(json.loads(answer)["id"])
            await asyncio.sleep(PAUSE)

    async def read(self) -> None:
        """Call each service that answers reads."""
        services = self.world.services
        reads: list[tuple[str, Callable[..., Any], Any]] = [
            ("GetDomain", services.domains.GetDomain, GetDomainRequest(domain_id=self.domain_id)),
            (
                "GetVerification",
                services.verifier.GetVerification,
                GetVerificationRequest(domain_id=self.domain_id),
            ),
            ("ListEndpoints", services.webhooks.ListEndpoints, webhooks.ListEndpointsRequest()),
        ]
        for name, method, request in itertools.cycle(reads):
            if self.over.is_set():
                return
            await self._grpc(name, method, request)
            await asyncio.sleep(PAUSE)

    async def watch(self) -> None:
        """Watch a domain by gRPC; open the stream again when the server ends it."""
        request = WatchDomainRequest(domain_id=self.domain_id)
        while not self.over.is_set():
            try:
                async for _ in self.world.services.verifier.WatchDomain(request):
                    self.calls.done += 1
            except grpc.aio.AioRpcError as error:
                self._note("WatchDomain", error)
                await asyncio.sleep(RETRY)

    async def keep_page_open(self) -> None:
        """Read the events of the domain's page as a browser does, which opens it again when it ends."""
        while not self.over.is_set():
            page = f"{self.ingress.replica()}/app/domains/{self.domain_id}/live"
            async with self.session.get(page, headers=self._host) as response:
                if response.status != 200:
                    self._note_status("page", response.status, await response.text())
                else:
                    self.page_opened += 1
                    async for line in response.content:
                        self.page_updates += line == b"\n"
            await asyncio.sleep(RETRY)

    async def _grpc(self, name: str, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        while True:
            try:
                answer = await method(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                self._note(name, error)
                await asyncio.sleep(RETRY)
            else:
                self.calls.done += 1
                return answer

    async def _http(self, path: str, body: bytes, *, slowly: bool) -> bytes:
        headers = {
            **self._host,
            "authorization": f"Bearer {self.world.installation.api_key}",
            "idempotency-key": str(uuid4()),
            "content-length": str(len(body)),
        }
        while True:
            url, data = f"{self.ingress.replica()}{path}", _in_pieces(body) if slowly else body
            try:
                async with self.session.post(url, data=data, headers=headers) as response:
                    answer = await response.read()
            except aiohttp.ClientError as error:
                self.calls.failed.append(f"POST {path}: {error!r}")
            else:
                if response.status == 200:
                    self.calls.done += 1
                    return answer
                self._note_status(f"POST {path}", response.status, answer.decode())
            await asyncio.sleep(RETRY)

    @property
    def _host(self) -> dict[str, str]:
        """Return the Host header of the public URL, which an ingress passes on."""
        return {"host": self.world.installation.console.removeprefix("http://")}

    def _note(self, name: str, error: grpc.aio.AioRpcError) -> None:
        if error.code() in TRANSIENT:
            self.calls.retried[error.code().name] += 1
        else:
            self.calls.failed.append(f"{name}: {error.code().name}: {error.details()}")

    def _note_status(self, name: str, status: int, answer: str) -> None:
        if status in RETRYABLE_STATUSES:
            self.calls.retried[str(status)] += 1
        else:
            self.calls.failed.append(f"{name}: {status}: {answer}")


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    size = -(-len(body) // UPLOAD_PIECES)
    for at in range(0, len(body), size):
        yield body[at : at + size]
        await asyncio.sleep(UPLOAD_PAUSE)


@asynccontextmanager
async def flowing(world: World, ingress: Ingress) -> AsyncIterator[Traffic]:
    """Let callers call as long as the block runs, and finish the calls that have begun."""
    name = f"load.d{uuid4().hex[:10]}.ai"
    domain = (await world.services.domains.CreateDomain(CreateDomainRequest(name=name))).domain
    jar, connector = aiohttp.CookieJar(unsafe=True), aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector, timeout=timeout) as session:
        traffic = Traffic(world, ingress, session, domain.id, name)
        form = {"key": world.installation.api_key}
        async with session.post(
            f"{ingress.ready[0]}/app/sign-in", data=form, allow_redirects=False
        ) as answer:
            assert answer.status == 303
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(traffic.send_by_grpc())
                tasks.create_task(traffic.send_by_http())
                tasks.create_task(traffic.send_by_http(slowly=True))
                tasks.create_task(traffic.read())
            streams = [tasks.create_task(each()) for each in (traffic.watch, traffic.keep_page_open)]
            yield traffic
            traffic.over.set()
            for stream in streams:
                stream.cancel()


async def an_endpoint(world: World) -> str:
    """Create an endpoint of the tenant for what happens to its emails; return its path at the receiver."""
    await world.sandbox.publish("A", HOST, "127.0.0.1")
    path = f"/{uuid4().hex}"
    port = world.installation.receiver.rpartition(":")[2]
    url = f"https://{HOST}:{port}{path}"
    request = webhooks.CreateEndpointRequest(url=url, event_types=list(TYPES.values()))
    await world.services.webhooks.CreateEndpoint(request)
    return path
