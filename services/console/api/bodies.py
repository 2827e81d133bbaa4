"""Request bodies, with limits on how many are in memory at once, overall and per tenant."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

from starlette.exceptions import HTTPException
from starlette.requests import Request

from chassis.config import MEBIBYTE
from services.console.api import errors
from services.console.api.errors import Rejected
from services.console.hardening import TOO_LARGE

SMALL = 64 * 1024  # bytes; the server buffers this much on every connection anyway
LARGE = MEBIBYTE
MEDIUM_AT_ONCE = 32
LARGE_AT_ONCE = 2  # each takes several times its size in memory while it is parsed
WAITING_OF_TENANT = 32
PATIENCE = timedelta(seconds=30)
BUSY = "Too many of your large requests are in progress. Send this one again in a few seconds."
AGAIN = timedelta(seconds=5)


class UploadSlots:
    """A limit on concurrent bodies, at most half of them from one tenant, so that others can upload too."""

    def __init__(
        self, count: int, *, waiting: int = WAITING_OF_TENANT, patience: timedelta = PATIENCE
    ) -> None:
        self._all = asyncio.Semaphore(count)
        self._share = max(1, count // 2)
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._most_waiting = waiting
        self._waiting: Counter[str] = Counter()
        self._patience = patience.total_seconds()

    @asynccontextmanager
    async def take(self, tenant: str) -> AsyncIterator[None]:
        """Hold a slot for a tenant. Raise Rejected if too many of its requests wait, or this one too long."""
        own = self._own.setdefault(tenant, asyncio.Semaphore(self._share))
        async with AsyncExitStack() as held:
            await self._enter(tenant, own, held)
            yield

    async def _enter(self, tenant: str, own: asyncio.Semaphore, held: AsyncExitStack) -> None:
        if self._waiting[tenant] >= self._most_waiting:
            raise Rejected(errors.kind_of("RATE_EXCEEDED"), BUSY, retry_after=AGAIN)
        self._waiting[tenant] += 1
        try:
            async with asyncio.timeout(self._patience):
                await held.enter_async_context(own)
                await held.enter_async_context(self._all)
        except TimeoutError:
            raise Rejected(errors.kind_of("RATE_EXCEEDED"), BUSY, retry_after=AGAIN) from None
        finally:
            self._waiting[tenant] -= 1
            if not self._waiting[tenant]:
                del self._waiting[tenant]


class Bodies:
    """Reads bodies, each in a slot for its size."""

    def __init__(self) -> None:
        self._medium = UploadSlots(MEDIUM_AT_ONCE)
        self._large = UploadSlots(LARGE_AT_ONCE)

    @asynccontextmanager
    async def read(self, request: Request, tenant: str, *, largest: int) -> AsyncIterator[bytes]:
        """Yield the body, and hold its slot until the block ends. Raise HTTPException or Rejected."""
        declared = request.headers.get("content-length")
        async with AsyncExitStack() as held:
            if declared is not None:  # the server ensures that it is a number
                await self._hold(int(declared), tenant, held, largest=largest)
            pieces, size = [], 0
            async for piece in request.stream():
                if declared is None and size <= SMALL < size + len(piece):
                    await self._hold(LARGE + 1, tenant, held, largest=LARGE + 1)
                size += len(piece)
                if size > largest:
                    raise HTTPException(413, TOO_LARGE)
                pieces.append(piece)
            yield b"".join(pieces)

    async def _hold(self, size: int, tenant: str, held: AsyncExitStack, *, largest: int) -> None:
        """Take a slot for a body of this size; a small one needs none."""
        if size > largest:
            raise HTTPException(413, TOO_LARGE)
        if size > SMALL:
            slots = self._medium if size <= LARGE else self._large
            await held.enter_async_context(slots.take(tenant))
