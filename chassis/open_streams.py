"""Open response streams of a process: limits per caller, and when the server ends them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from prometheus_client import Gauge

from chassis.access import Access, Principal
from chassis.config import Server
from chassis.errors import ResourceExhausted, ServiceError, Unauthenticated, Unavailable
from chassis.periodic import PeriodicTask
from chassis.request_limits import MAX_STREAMS

OPEN = Gauge("letterhead_rpc_streams", "Open response streams")
KEYS_CHECKED_EVERY = timedelta(seconds=1)

C = TypeVar("C")


@dataclass(eq=False)
class _Stream:
    """One open stream; `ended` is the error with which the server ended it."""

    who: Principal | None
    scope: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    ended: ServiceError | None = None

    def end(self, error: ServiceError) -> None:
        if self.ended is None:
            self.ended = error
            self.scope.reschedule(asyncio.get_running_loop().time())


class OpenStreams:
    """Admission of streams within the limits; ends streams whose key was revoked or has expired."""

    def __init__(self, settings: Server, access: Access | None) -> None:
        self._per_key = settings.streams_per_key
        self._per_tenant = settings.streams_per_tenant
        self._access = access
        self._open: set[_Stream] = set()
        self.check = PeriodicTask("open streams", self._end_revoked, interval=KEYS_CHECKED_EVERY)

    async def run(self, inner: Callable[[C], Awaitable[Any]], call: C, who: Principal | None) -> Any:
        """Run one stream until it ends, or raise the error with which the server ended it."""
        stream = self._admitted(who)
        self._open.add(stream)
        try:
            async with stream.scope:
                with OPEN.track_inprogress():
                    return await inner(call)
        except TimeoutError:
            if stream.ended is None:
                raise
            raise stream.ended from None
        finally:
            self._open.discard(stream)

    def end_all(self) -> None:
        """End every open stream now, with a status that makes its client retry."""
        for stream in list(self._open):
            retry_after = timedelta(milliseconds=100)
            stream.end(
                Unavailable(
                    "STORAGE_UNAVAILABLE", "The server is shutting down. Retry.", retry_after=retry_after
                )
            )

    def _admitted(self, who: Principal | None) -> _Stream:
        if len(self._open) >= MAX_STREAMS:
            raise _too_many("This server has", MAX_STREAMS, "Try again in a few seconds.")
        if who is not None:
            self._check_limits(who)
        return _Stream(who)

    def _check_limits(self, who: Principal) -> None:
        callers = [stream.who for stream in self._open if stream.who is not None]
        close_one = "Close one before you open another."
        if sum(each.key_id == who.key_id for each in callers) >= self._per_key:
            raise _too_many("This key has", self._per_key, close_one)
        if sum(each.tenant_id == who.tenant_id for each in callers) >= self._per_tenant:
            raise _too_many("This tenant has", self._per_tenant, close_one)

    async def _end_revoked(self) -> None:
        """Check the keys of all open streams with one query."""
        keys = {stream.who.key_id for stream in self._open if stream.who is not None}
        if self._access is not None and keys:
            self._end(keys - await self._access.live(keys))

    def _end(self, revoked: set[UUID]) -> None:
        for stream in list(self._open):
            if stream.who is not None and stream.who.key_id in revoked:
                problem = "The key or link was revoked or has expired. Use another key."
                stream.end(Unauthenticated("KEY_INVALID", problem))


def _too_many(whose: str, limit: int, remedy: str) -> ResourceExhausted:
    message = f"{whose} {limit} open streams, the maximum. {remedy}"
    retry_after = timedelta(seconds=2)
    return ResourceExhausted(
        "TOO_MANY_STREAMS", message, metadata={"limit": str(limit)}, retry_after=retry_after
    )
