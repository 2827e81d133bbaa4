"""Requests of RPCs: read only after the caller is authenticated, and then parsed.

When a read starts, gRPC assembles the whole message in memory, up to the size limit of the server. Before
that it buffers only one flow-control window per stream, which bounds the memory that a caller without a key
can use.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import grpc
from google.protobuf.message import DecodeError
from prometheus_client import Counter

from chassis.access import Principal
from chassis.errors import DeadlineExceeded, InvalidArgument, ResourceExhausted
from chassis.memory import BodyMemory, retry_after
from chassis.request_limits import (
    COPIES,
    HOLDS_SLOT,
    ORDINARY,
    READ_WITHIN,
    SLOTS,
    WAITS_FOR,
)

MALFORMED = Counter(
    "letterhead_rpc_malformed_total", "Requests that were not a valid protobuf message", ["method"]
)

BUSY = Counter("letterhead_rpc_busy_total", "Large requests rejected because memory was in use", ["method"])

Parse = Callable[[bytes], Any]


class Requests:
    """Reader of requests that limits their size by method, and how many a tenant may have in memory."""

    def __init__(self, largest: int, large: frozenset[str], memory: BodyMemory) -> None:
        """Limit requests to methods with a path in `large` to `largest` bytes, all others to ORDINARY."""
        self._largest = largest
        self._large = large
        self._memory = memory
        self._slots: WeakValueDictionary[UUID | None, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def received(
        self, method: str, context: grpc.aio.ServicerContext[Any, Any], parse: Parse, who: Principal | None
    ) -> AsyncIterator[Any]:
        """Yield the one request of a call; raises InvalidArgument, ResourceExhausted or DeadlineExceeded."""
        async with AsyncExitStack() as held:
            body = await self._arrived(held, method, context, who)
            self._check_size(method, body)
            if len(body) <= HOLDS_SLOT:
                await held.aclose()
            else:
                await self._reserve(held, method, len(body))
            request = _parsed(method, body, parse)
            del body
            yield request

    def parsed(self, method: str, parse: Parse) -> Parse:
        """Return a parser for the messages of a request stream; it raises the same errors as `received`."""

        def parsed(body: bytes) -> Any:
            self._check_size(method, body)
            return _parsed(method, body, parse)

        return parsed

    async def _arrived(
        self,
        held: AsyncExitStack,
        method: str,
        context: grpc.aio.ServicerContext[Any, Any],
        who: Principal | None,
    ) -> bytes:
        rejected = False

        def reject() -> None:
            nonlocal rejected
            rejected = True
            limit.reschedule(0)

        try:
            async with asyncio.timeout(READ_WITHIN) as limit:
                await held.enter_async_context(self._slot_of(who))
                with self._memory.arrivals.arriving(_tenant_of(who), reject):
                    return await _read(context)
        except TimeoutError:
            if rejected:
                raise _busy(method) from None
            problem = (
                f"The request did not arrive within {READ_WITHIN:g} s. Send fewer large requests at once."
            )
            raise DeadlineExceeded("DEADLINE", problem) from None

    async def _reserve(self, held: AsyncExitStack, method: str, size: int) -> None:
        """Reserve memory for the copies of a large request that are made until its call ends."""
        try:
            async with asyncio.timeout(WAITS_FOR):
                held.enter_context(await self._memory.work.reserve(size * COPIES))
        except TimeoutError:
            raise _busy(method) from None

    def _slot_of(self, who: Principal | None) -> asyncio.Semaphore:
        tenant_id = _tenant_of(who)
        slots = self._slots.get(tenant_id)
        if slots is None:
            slots = self._slots[tenant_id] = asyncio.Semaphore(SLOTS)
        return slots

    def _check_size(self, method: str, body: bytes) -> None:
        limit = self._largest if method in self._large else min(ORDINARY, self._largest)
        if len(body) > limit:
            raise ResourceExhausted(
                "REQUEST_TOO_LARGE",
                f"The request has {len(body)} bytes; the limit is {limit}. Send less in one call.",
                metadata={"limit": str(limit)},
            )


def _busy(method: str) -> ResourceExhausted:
    BUSY.labels(method).inc()
    problem = "Other large requests are in progress. Retry the call in a few seconds."
    return ResourceExhausted("SERVER_BUSY", problem, retry_after=retry_after())


def _tenant_of(who: Principal | None) -> UUID | None:
    return who.tenant_id if who else None


async def _read(context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
    body = await context.read()
    if isinstance(body, bytes):
        return body
    raise InvalidArgument("MALFORMED_REQUEST", "The call has no request message. Send one.")


def _parsed(method: str, body: bytes, parse: Parse) -> Any:
    try:
        return parse(body)
    except DecodeError:
        MALFORMED.labels(method).inc()
        problem = (
            "The request is not a valid protobuf message of this method. Build it from the .proto files."
        )
        raise InvalidArgument("MALFORMED_REQUEST", problem) from None
