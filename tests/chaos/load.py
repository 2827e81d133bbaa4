"""Requests emails during outages, each with a request_id of its own, and records what was acknowledged."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import grpc

from cli.polling import TRANSIENT, until
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest, SendEmailResponse
from letterhead.sender.v1.emails_pb2_grpc import SenderServiceStub
from tests.e2e.conftest import World

if TYPE_CHECKING:
    from letterhead.sender.v1.emails_pb2_grpc import SenderServiceAsyncStub

CALL_SECONDS = 5
RETRY_SECONDS = 0.1
CALLERS = 8


@dataclass
class Load:
    """Requests emails from one new domain at several addresses; `more` are fields added to each request."""

    domain: str
    stubs: "Sequence[SenderServiceAsyncStub]"
    key: str
    more: dict[str, Any] = field(default_factory=dict)
    acknowledged: dict[int, str] = field(default_factory=dict)
    refused: int = 0

    @property
    def ids(self) -> list[str]:
        """Return the ids of the acknowledged emails."""
        return list(self.acknowledged.values())

    async def one(self, number: int) -> None:
        """Request one email until it is acknowledged."""
        self.acknowledged[number] = await self.ask(number, first=number, subject=f"Number {number}")

    async def ask(self, number: int, *, first: int, subject: str) -> str:
        """Send a request until it is answered, from the `first` address on in turn; return the email's id."""
        for stub in itertools.islice(itertools.cycle(self.stubs), first % len(self.stubs), None):
            try:
                return await self._ask_once(number, stub, subject)
            except grpc.aio.AioRpcError as error:
                if error.code() not in TRANSIENT:
                    raise
                self.refused += 1
                await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError("there is always another address")

    async def many(self, count: int) -> None:
        """Request this many more emails with several concurrent callers."""
        numbers = iter(range(len(self.acknowledged), len(self.acknowledged) + count))

        async def caller() -> None:
            for number in numbers:
                await self.one(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(caller())

    async def trickle(self) -> None:
        """Request one email after the other until canceled."""
        while True:
            await self.one(len(self.acknowledged))
            await asyncio.sleep(RETRY_SECONDS)

    async def _ask_once(self, number: int, stub: "SenderServiceAsyncStub", subject: str) -> str:
        request = SendEmailRequest(
            to=[Address(address="success@simulator.amazonses.com")],
            subject=subject,
            text="x",
            request_id=f"{self.domain}-{number}",
            **self.more,
        )
        getattr(request, "from").address = f"agent@{self.domain}"
        metadata = (("authorization", f"Bearer {self.key}"),)
        answer: SendEmailResponse = await stub.SendEmail(request, timeout=CALL_SECONDS, metadata=metadata)
        return answer.email.id


@asynccontextmanager
async def a_load(world: World, addresses: Sequence[str], **more: Any) -> AsyncIterator[Load]:
    """Create a domain and yield a load for the senders at these addresses; nothing is requested yet."""
    name = f"load.d{uuid4().hex[:10]}.ai"
    request = CreateDomainRequest(name=name, request_id=name)
    await until(f"{name} is created", lambda: world.services.domains.CreateDomain(request))
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    channels = [grpc.aio.insecure_channel(address, options=options) for address in addresses]
    try:
        yield Load(name, [SenderServiceStub(each) for each in channels], world.installation.api_key, more)
    finally:
        await asyncio.gather(*(each.close() for each in channels))
