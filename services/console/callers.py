"""Looks up the tenant of an API key at identity before serving a request, and caches it briefly.

The result only limits the use of console's own resources. The services authorize each call themselves.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from chassis.access import hash_token
from chassis.client import CallFailed, call
from letterhead.identity.v1.api_keys_pb2 import GetCallerRequest
from services.console.stubs import Stubs

FRESH = timedelta(seconds=5)
# A key that was valid this recently is still accepted while identity is down, so that sending does not
# depend on identity.
REMEMBERED = timedelta(minutes=10)
MOST_KEYS = 10_000
MOST_UNCACHED_LOOKUPS = 16  # concurrent lookups of keys that are not in the cache
WITHIN = timedelta(seconds=5)
DOWN = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})


@dataclass(slots=True)
class _Known:
    tenant: str
    fresh_until: float
    until: float


class Callers:
    """A cache of the tenants of recently used keys."""

    def __init__(self, stubs: Stubs, *, fresh: timedelta = FRESH) -> None:
        self._stubs = stubs
        self._fresh = fresh.total_seconds()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._lookups: dict[bytes, asyncio.Task[str]] = {}
        self._uncached = asyncio.Semaphore(MOST_UNCACHED_LOOKUPS)

    async def tenant_of(self, key: str) -> str:
        """Return the tenant id of a key. Raise CallFailed for a key that is not valid."""
        digest = hash_token(key)
        known = self._known.get(digest)
        if known and time.monotonic() < known.fresh_until:
            return known.tenant
        if (task := self._lookups.get(digest)) is None:
            task = self._lookups[digest] = asyncio.create_task(self._look_up(digest, key))
            task.add_done_callback(lambda _: self._lookups.pop(digest))
        return await asyncio.shield(task)

    async def _look_up(self, digest: bytes, key: str) -> str:
        known = self._known.get(digest)
        try:
            async with self._limited(known):
                method = self._stubs.api_keys.GetCaller
                response = await call(method, GetCallerRequest(), key=key, deadline=WITHIN)
        except CallFailed as failure:
            if known is None or failure.code.name not in DOWN or time.monotonic() > known.until:
                self._known.pop(digest, None)
                raise
            known.fresh_until = time.monotonic() + self._fresh
            return known.tenant
        self._remember(digest, response.tenant_id)
        return response.tenant_id

    @asynccontextmanager
    async def _limited(self, known: _Known | None) -> AsyncIterator[None]:
        """Let lookups of cached keys proceed at once, and limit the concurrency of all others."""
        if known is not None:
            yield
            return
        async with self._uncached:
            yield

    def _remember(self, digest: bytes, tenant: str) -> None:
        now = time.monotonic()
        self._known[digest] = _Known(tenant, now + self._fresh, now + REMEMBERED.total_seconds())
        self._known.move_to_end(digest)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
