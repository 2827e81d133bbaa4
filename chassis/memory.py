"""Memory for large bodies: requests that arrive and are handled, and emails that are submitted.

Work on a large body reserves its bytes first. HTTP tells the size of a request before it is read, so memory
for its arrival is reserved too. gRPC tells it only once the request is there, so requests that arrive slowly
are rejected, and retried by their callers, while the process uses too much. A process therefore stays below
its memory limit, however many large bodies there are at once.
"""

import asyncio
import ctypes
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Self
from weakref import WeakValueDictionary

from prometheus_client import Gauge

HELD = Gauge("letterhead_body_memory_bytes", "Memory reserved for work on large bodies")
LIMIT = Gauge("letterhead_body_memory_limit_bytes", "Memory that can be reserved for work on large bodies")

WORKING = 0.75  # of the memory for large bodies; the rest is for requests that arrive or wait for work
# A request that arrives within it is small: it is not limited, and costs no more than a timer.
SMALL_WITHIN = 0.05
# Seconds. What arrives meanwhile must fit between this memory and the limit of the process.
CHECK_EVERY = 0.05
BUSY_FOR = timedelta(seconds=2)  # about when the caller of a rejected request should retry
LARGE_BLOCK = 1024 * 1024
_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h


class ByteBudget:
    """Bytes that concurrent holders share. One that wants more than all of them gets all, alone."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = total
        self._queue = asyncio.Lock()  # who came first is first
        self._freed = asyncio.Event()

    async def reserve(self, size: int) -> "Hold":
        """Reserve bytes as soon as they are free."""
        size = min(size, self.total)
        async with self._queue:
            while size > self._free:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size
        return Hold(self, size)

    @property
    def held(self) -> int:
        """Return how many bytes are reserved."""
        return self.total - self._free

    def free(self, size: int) -> None:
        """Return bytes that were reserved."""
        self._free += size
        self._freed.set()


class Hold:
    """Bytes of a budget that are reserved until the block ends."""

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def shrink(self, size: int) -> None:
        """Keep at most these bytes."""
        if size < self._size:
            self._budget.free(self._size - size)
            self._size = size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shrink(0)


class FairBudget:
    """A byte budget of which each owner can have at most half, so that others are served too."""

    def __init__(self, total: int) -> None:
        self._all = ByteBudget(total)
        self._own: WeakValueDictionary[object, ByteBudget] = WeakValueDictionary()

    @asynccontextmanager
    async def reserved(self, owner: object, size: int) -> AsyncIterator[None]:
        """Hold bytes for an owner as soon as they are free."""
        own = self._own.setdefault(owner, ByteBudget(self._all.total // 2))
        with await own.reserve(size), await self._all.reserve(size):
            yield


class Arrivals:
    """Requests that take long to arrive. While the process uses more than `most` bytes, some are rejected.

    `trim` is called first, because memory that is free, but was not returned to the system, counts as used.
    """

    def __init__(self, most: int, *, used: Callable[[], int], trim: Callable[[], None]) -> None:
        self._most = most
        self._used = used
        self._trim = trim
        self._arriving: dict[object, tuple[object, Callable[[], None]]] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def arriving(self, owner: object, reject: Callable[[], None]) -> Iterator[None]:
        """Let `reject` be called if the request of this owner has to give way before the block ends."""
        this = object()
        timer = asyncio.get_running_loop().call_later(SMALL_WITHIN, self._add, this, owner, reject)
        try:
            yield
        finally:
            timer.cancel()
            self._arriving.pop(this, None)

    def _add(self, this: object, owner: object, reject: Callable[[], None]) -> None:
        self._arriving[this] = owner, reject
        self._check_again()

    def _check(self) -> None:
        """Reject the newest half of the requests of the owner with the most; again until memory suffices."""
        self._timer = None
        if self._arriving and self._above():
            counts = Counter(owner for owner, _ in self._arriving.values())
            [(greediest, count)] = counts.most_common(1)
            theirs = [this for this, (owner, _) in self._arriving.items() if owner == greediest]
            for this in theirs[count // 2 :]:
                _, reject = self._arriving.pop(this)
                reject()
        self._check_again()

    def _above(self) -> bool:
        if self._used() <= self._most:
            return False
        self._trim()
        return self._used() > self._most

    def _check_again(self) -> None:
        if self._arriving and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(CHECK_EVERY, self._check)


class BodyMemory:
    """The memory of one process for large bodies, besides what the process uses now."""

    def __init__(self, total: int) -> None:
        self.work = ByteBudget(int(total * WORKING))
        self.uploads = FairBudget(total - self.work.total)
        self.arrivals = Arrivals(resident() + total, used=resident, trim=return_free_memory)
        HELD.set_function(lambda: self.work.held)
        LIMIT.set(self.work.total)


def retry_after() -> timedelta:
    """Return when to retry a request that found no memory. It differs, so that not all return at once."""
    return random.uniform(0.5, 1.5) * BUSY_FOR  # noqa: S311 - no secret


def resident() -> int:
    """Return the bytes of memory that this process uses; 0 where the system does not say."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def return_free_memory() -> None:
    """Return memory to the system that glibc keeps for later, such as that of requests in small pieces."""
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def return_large_blocks() -> None:
    """Let the memory of large objects go back to the system when they end, for the rest of this process.

    By default, glibc keeps blocks of up to 32 MiB for later ones, and its memory never shrinks.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, LARGE_BLOCK)
