"""How many bodies of requests are in memory at once, so that neither many nor slow ones fill it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from starlette.requests import Request

from chassis.config import MEBIBYTE

SMALL = 64 * 1024  # bytes: what the server reads ahead on every connection anyway
LARGE = MEBIBYTE
MEDIUM_AT_ONCE = 32
LARGE_AT_ONCE = 2  # each takes several times its size while it is turned into a request


class Places:
    """So many bodies at once, of one key half of them at most: whoever is slow leaves room for others."""

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._share = max(1, count // 2)
        self._own: WeakValueDictionary[bytes, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one(self, key: bytes) -> AsyncIterator[None]:
        """Hold a place for a key, given by its digest."""
        own = self._own.setdefault(key, asyncio.Semaphore(self._share))
        async with own, self._all:
            yield


class Bodies:
    """The places for bodies of each size."""

    def __init__(self) -> None:
        self._medium = Places(MEDIUM_AT_ONCE)
        self._large = Places(LARGE_AT_ONCE)

    def places(self, request: Request) -> Places | None:
        """Give the places among which a body needs one; None: it is small."""
        size = _size(request)
        if size <= SMALL:
            return None
        return self._medium if size <= LARGE else self._large


def _size(request: Request) -> int:
    """Give how large the body says it is, in bytes; one that does not say counts as large."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else LARGE + 1
