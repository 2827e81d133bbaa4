"""Whose a key is: asked of identity before anything else is done for a caller, and remembered for a moment.

This only decides what a request may take of console itself; what a key may do, the services decide each time.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from chassis.access import hash_token
from letterhead.identity.v1.api_keys_pb2 import GetCallerRequest
from services.console.calls import Calls, Refused

FRESH = timedelta(seconds=5)
# A key that lived so lately is believed while identity is down: sending does not depend on identity.
REMEMBERED = timedelta(minutes=10)
MOST_KEYS = 10_000
STRANGERS_AT_ONCE = 16  # keys that were never seen alive, asked about at once
WITHIN = timedelta(seconds=5)
DOWN = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED"})


@dataclass(slots=True)
class _Known:
    tenant: str
    fresh_until: float
    until: float


class Callers:
    """Knows the tenants of the keys that came lately."""

    def __init__(self, calls: Calls, *, fresh: timedelta = FRESH) -> None:
        self._calls = calls
        self._fresh = fresh.total_seconds()
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[str]] = {}
        self._strangers = asyncio.Semaphore(STRANGERS_AT_ONCE)

    async def tenant_of(self, key: str) -> str:
        """Return the id of a key's tenant. Raises Refused for a key that does not work."""
        digest = hash_token(key)
        known = self._known.get(digest)
        if known and time.monotonic() < known.fresh_until:
            return known.tenant
        if (task := self._asking.get(digest)) is None:
            task = self._asking[digest] = asyncio.create_task(self._ask(digest, key))
            task.add_done_callback(lambda _: self._asking.pop(digest))
        return await asyncio.shield(task)

    async def _ask(self, digest: bytes, key: str) -> str:
        known = self._known.get(digest)
        try:
            async with self._lane(known):
                asked = self._calls.api_keys.GetCaller
                answer = await self._calls.ask(asked, GetCallerRequest(), key=key, deadline=WITHIN)
        except Refused as refused:
            if known is None or refused.code.name not in DOWN or time.monotonic() > known.until:
                self._known.pop(digest, None)
                raise
            known.fresh_until = time.monotonic() + self._fresh
            return known.tenant
        self._remember(digest, answer.tenant_id)
        return answer.tenant_id

    @asynccontextmanager
    async def _lane(self, known: _Known | None) -> AsyncIterator[None]:
        """Let those whose key lived pass; the others a few at a time."""
        if known is not None:
            yield
            return
        async with self._strangers:
            yield

    def _remember(self, digest: bytes, tenant: str) -> None:
        now = time.monotonic()
        self._known[digest] = _Known(tenant, now + self._fresh, now + REMEMBERED.total_seconds())
        self._known.move_to_end(digest)
        if len(self._known) > MOST_KEYS:
            self._known.popitem(last=False)
