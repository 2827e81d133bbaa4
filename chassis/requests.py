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
from chassis.request_limits import HOLDS_SLOT, ORDINARY, READ_WITHIN, SLOTS

MALFORMED = Counter(
    "letterhead_rpc_malformed_total", "Requests that were not a valid protobuf message", ["method"]
)

Parse = Callable[[bytes], Any]


class Requests:
    """Reader of requests that limits their size by method, and how many a tenant may have in memory."""

    def __init__(self, largest: int, large: frozenset[str]) -> None:
        """Limit requests to methods with a path in `large` to `largest` bytes, all others to ORDINARY."""
        self._largest = largest
        self._large = large
        self._slots: WeakValueDictionary[UUID | None, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def received(
        self, method: str, context: grpc.aio.ServicerContext[Any, Any], parse: Parse, who: Principal | None
    ) -> AsyncIterator[Any]:
        """Yield the one request of a call; raises InvalidArgument, ResourceExhausted or DeadlineExceeded."""
        async with AsyncExitStack() as slot:
            body = await self._arrived(slot, context, who)
            self._check_size(method, body)
            if len(body) <= HOLDS_SLOT:
                await slot.aclose()
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
        self, slot: AsyncExitStack, context: grpc.aio.ServicerContext[Any, Any], who: Principal | None
    ) -> bytes:
        try:
            async with asyncio.timeout(READ_WITHIN):
                await slot.enter_async_context(self._slot_of(who))
                return await _read(context)
        except TimeoutError:
            problem = (
                f"The request did not arrive within {READ_WITHIN:g} s. Send fewer large requests at once."
            )
            raise DeadlineExceeded("DEADLINE", problem) from None

    def _slot_of(self, who: Principal | None) -> asyncio.Semaphore:
        tenant_id = who.tenant_id if who else None
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
