"""Request bodies, within the memory of the process for large bodies."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from chassis.config import MEBIBYTE
from chassis.memory import BodyMemory, FairBudget, Hold, retry_after
from chassis.request_limits import WAITS_FOR
from services.console.api import errors
from services.console.api.errors import Rejected
from services.console.hardening import TOO_LARGE

SMALL = 64 * 1024  # bytes; the server buffers this much on every connection anyway
MEDIUM = MEBIBYTE
MEDIUM_MEMORY = 96 * MEBIBYTE  # of their own, so that they do not wait behind large bodies
WAITING_OF_TENANT = 32  # each with the buffer of its connection
# Seconds that a request waits before it is read: its client waits too, and Resend's SDKs give up after 30.
# A rejection would cost the whole upload, so it is the last resort.
PATIENCE = 25.0
# Bytes of memory per byte of a body while it is parsed, and then while a service is called: measured with an
# email that has a file of 27 MB, as a `data:` URL.
PARSE_COPIES, CALL_COPIES = 8, 4
BUSY = "Other large requests are in progress. Send this one again in a few seconds."

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Body:
    """A body that has arrived, and the memory that is held for a large one."""

    content: bytes = field(default=b"", repr=False)
    memory: Hold | None = None

    async def parsed(self, parse: Callable[[bytes], Parsed]) -> Parsed:
        """Return the content parsed, in a thread unless it is small. Raise what `parse` raises."""
        if len(self.content) <= SMALL:
            return parse(self.content)
        parsed = await asyncio.to_thread(parse, self.content)
        if self.memory is not None:
            self.memory.shrink(len(self.content) * CALL_COPIES)
        return parsed


class Bodies:
    """Reads bodies. Those that are not small wait until memory for them is free."""

    def __init__(
        self, memory: BodyMemory, *, waiting: int = WAITING_OF_TENANT, patience: float = PATIENCE
    ) -> None:
        self._memory = memory
        self._medium = FairBudget(MEDIUM_MEMORY)
        self._most_waiting = waiting
        self._waiting: Counter[str] = Counter()
        self._patience = patience

    @asynccontextmanager
    async def read(self, request: Request, tenant: str, *, largest: int) -> AsyncIterator[Body]:
        """Yield the body, and hold memory for it until the block ends. Raise HTTPException or Rejected."""
        arrived, pieces = bytearray(), request.stream()
        expected = await _expected(request, arrived, pieces, largest)
        if expected > largest:
            raise HTTPException(413, TOO_LARGE)
        async with AsyncExitStack() as held:
            if expected > MEDIUM:
                memory = held.enter_context(await self._upload(tenant, expected, arrived, pieces))
            else:
                memory = None
                if expected > SMALL:
                    async with self._waits(tenant):
                        await held.enter_async_context(self._medium.reserved(tenant, expected * PARSE_COPIES))
                await _rest(arrived, pieces, expected)
            body = Body(bytes(arrived), memory)
            del arrived
            yield body

    async def _upload(
        self, tenant: str, expected: int, arrived: bytearray, pieces: AsyncIterator[bytes]
    ) -> Hold:
        """Read the rest of a large body; return the memory for work on it, which includes the body."""
        async with AsyncExitStack() as upload:
            async with self._waits(tenant):
                await upload.enter_async_context(self._memory.uploads.reserved(tenant, expected))
            await _rest(arrived, pieces, expected)
            async with _in_time(min(self._patience, WAITS_FOR)):  # few wait here: those that were read
                return await self._memory.work.reserve(len(arrived) * PARSE_COPIES)

    @asynccontextmanager
    async def _waits(self, tenant: str) -> AsyncIterator[None]:
        """Limit how many requests of a tenant wait before they are read, and how long. Raise Rejected."""
        if self._waiting[tenant] >= self._most_waiting:
            raise _busy()
        self._waiting[tenant] += 1
        try:
            async with _in_time(self._patience):
                yield
        finally:
            self._waiting[tenant] -= 1
            if not self._waiting[tenant]:
                del self._waiting[tenant]


@asynccontextmanager
async def _in_time(patience: float) -> AsyncIterator[None]:
    """Limit how long a request waits. Raise Rejected."""
    try:
        async with asyncio.timeout(patience):
            yield
    except TimeoutError:
        raise _busy() from None


async def _expected(request: Request, arrived: bytearray, pieces: AsyncIterator[bytes], largest: int) -> int:
    """Return the size that a body has or may have; without a declared one, read until it is not small."""
    declared = request.headers.get("content-length")
    if declared is not None:  # the server ensures that it is a number
        return int(declared)
    async for piece in pieces:
        arrived += piece
        if len(arrived) > SMALL:
            return max(largest, len(arrived))
    return len(arrived)


async def _rest(arrived: bytearray, pieces: AsyncIterator[bytes], expected: int) -> None:
    """Read the rest of a body of at most the expected size."""
    async for piece in pieces:
        arrived += piece
        if len(arrived) > expected:
            raise HTTPException(413, TOO_LARGE)


def _busy() -> Rejected:
    return Rejected(errors.kind_of("SERVER_BUSY"), BUSY, retry_after=retry_after())
